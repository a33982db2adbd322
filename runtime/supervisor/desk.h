/* desk.h - where commands come to ask something of a supervisor.
 *
 * The supervisor listens on the socket `control` in the state directory (AF_UNIX,
 * SOCK_SEQPACKET; the directory is its user's alone). A client says one request, a line of
 * text, and hears answers, a message each. The last one begins with "ok" or "error CODE", and the
 * connection ends; a client that goes away has lost interest. What requests there are is told in
 * requests.h.
 *
 * Nobody at the desk is waited for: a client that does not take its answers is shown out, and so is one
 * that says nothing, when others come and there is no other place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DESK_H
#define GALE_DESK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call.h"
#include "error.h"

enum {
	DESK_CLIENTS = 16,	/* at a time; more wait in front of the door */
	DESK_POLLS = 1 + DESK_CLIENTS,
	DESK_TEXT_MAX = CALL_TEXT_MAX	/* bytes of a request or an answer */
};

struct desk_client {
	int fd;			/* -1: nobody */
	void *request;		/* what it wants, as its handler keeps it; NULL: nothing said yet */
	uint64_t number;	/* of those who came */
};

struct desk_ops {
	/* said: CLIENT said TEXT; it may say more. */
	void (*said)(void *arg, struct desk_client *client, char *text);
	/* gone: CLIENT has gone or is shown out; its `request`, NULL if it said nothing, is the handler's to
	 * free. */
	void (*gone)(void *arg, struct desk_client *client);
};

struct desk {
	int dir, listener;	/* -1: nobody can come */
	struct desk_client clients[DESK_CLIENTS];
	uint64_t n_clients;	/* who came so far */
	const struct desk_ops *ops;
	void *arg;
};

/* desk_open makes the socket in STATE_DIR. -1 with E set: nobody can come, all else works. Keeps
 * OPS and ARG. desk_close shows everybody out and removes it; also after a desk_open that
 * failed. */
int desk_open(struct desk *d, const char *state_dir, const struct desk_ops *ops, void *arg, struct error *e);
void desk_close(struct desk *d);

/* desk_say gives CLIENT an answer; one that can't take it is shown out: false. desk_offer gives
 * one that may get lost: false, and nothing happens, when there is no room for it now.
 * desk_show_out ends the connection. */
bool desk_say(struct desk *d, struct desk_client *client, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool desk_offer(struct desk_client *client, const char *text, size_t n);
void desk_show_out(struct desk *d, struct desk_client *client);

/* desk_hand_over gives the connection of CLIENT, whom the desk then forgets, to who talks to it from
 * now on. */
int desk_hand_over(struct desk_client *client);

/* desk_fill_polls fills DESK_POLLS places; desk_serve handles what poll found there. */
void desk_fill_polls(const struct desk *d, struct pollfd *p);
void desk_serve(struct desk *d, const struct pollfd *p);

#endif
