/* requests.h - what commands may ask of a running topology, at its supervisor's desk (desk.h).
 *
 *     request               answers
 *     look, done            see visit.h
 *     activate              "ok": spouts emit
 *     deactivate            "ok": spouts are told not to emit; what is open is worked off
 *                           Both: "starting" now and then while the start is still going on
 *     rebalance MS|usual COMPONENT=N ...
 *                           "plan LINES" of what moves, "step TEXT" while it is done, "ok TEXT"; spouts
 *                           pause for what is open for MS at most (mover.h)
 *     rebalance-plan COMPONENT=N ...
 *                           the same, but nothing is done
 *     stop MS               "open N" while it drains, for MS at most; then everything is stopped:
 *                           "ok N", N messages were given up: "error 1 TEXT", it failed meanwhile
 *     tap WHAT, trace WHAT  see inquiry.h
 *     kill MS               the same, and the topology is forgotten: no list has it any more
 *     log-level C LEVEL MS  "ok": lines of LEVEL and worse of component C ("*": of all) get into the
 *                           log, for MS; 0: until the run ends
 *
 * A client has one request; but "done" follows "look". One that makes no sense, or not now, is
 * answered by "error CODE TEXT", with the exit code that the command shall end with. A second stop
 * or kill makes the first one shorter, never longer; MS 0 stops at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_REQUESTS_H
#define GALE_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "crew.h"
#include "desk.h"
#include "mover.h"
#include "inquiry.h"
#include "visit.h"

/* What a client that says one of the words has begun, and how it goes on. */
struct requests;
struct request_kind {
	const char *word;
	/* begin: CLIENT said the word and ARGUMENTS ("" if none), which are gone afterwards. */
	void (*begin)(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns);
	/* turn, for as long as the client is there; NULL: nothing to do. */
	void (*turn)(struct requests *r, struct desk_client *client, uint64_t now_ns);
	/* gone: the client is; NULL: that changes nothing. */
	void (*gone)(struct requests *r, struct desk_client *client);
};

struct requests {
	struct desk desk;
	struct crew *crew;		/* keeps */
	struct visit visit;
	struct mover mover;
	struct inquiries inquiries;
	bool ends;			/* a stop or a kill was asked for: by */
	uint64_t end_ns;		/* then */
	bool forget;			/* a kill: nothing but the state stays */
	uint64_t given_up;		/* messages that were open when everything was stopped */
	uint64_t told_ns;		/* when clients were last told how many are open */
};

/* requests_open begins to serve; -1 with E set: nobody can come, all else works. requests_close
 * gives the last answers and ends; also after a requests_open that failed. */
int requests_open(struct requests *r, struct crew *crew, const char *state_dir, struct error *e);
void requests_close(struct requests *r);

/* requests_end stops the topology in MS at most, as "stop" does. */
void requests_end(struct requests *r, uint64_t ms, uint64_t now_ns);

enum { REQUESTS_POLLS = DESK_POLLS + INQUIRY_MOST };

/* requests_fill_polls fills REQUESTS_POLLS places; requests_serve handles what poll found there and
 * what is due; requests_answer tells clients what is so by now, once the overview page shows it.
 * requests_deadline tells when something is due; 0: never. */
void requests_fill_polls(const struct requests *r, struct pollfd *p);
void requests_serve(struct requests *r, const struct pollfd *p, uint64_t now_ns);
void requests_answer(struct requests *r, uint64_t now_ns);
uint64_t requests_deadline(const struct requests *r);

/* request_refuse answers "error CODE TEXT" and ends the conversation; request_done "ok". */
void request_refuse(struct requests *r, struct desk_client *client, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void request_done(struct requests *r, struct desk_client *client);

#endif
