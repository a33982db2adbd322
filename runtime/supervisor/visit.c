/* visit.c - see visit.h. SPDX-License-Identifier: Apache-2.0 */
#include "visit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "statedir.h"

enum { VISIT_LISTENER, VISIT_VISITOR };

int visit_open(struct visit *v, struct crew *crew, const char *state_dir, struct error *e)
{
	struct sockaddr_un address;

	*v = (struct visit){ .crew = crew, .dir = -1, .listener = -1, .visitor = -1 };
	v->dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->dir < 0)
		return error_errno(e, "can't open %s", state_dir);
	statedir_control(v->dir, &address);
	unlinkat(v->dir, STATEDIR_CONTROL, 0);	/* what a killed one has left */
	v->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (v->listener >= 0 && bind(v->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
	    listen(v->listener, 8) == 0)
		return 0;
	error_errno(e, "nobody can look at the state in %s while it runs: no socket can be made there",
	    state_dir);
	if (v->listener >= 0)
		close(v->listener);
	v->listener = -1;
	return -1;
}

static void show_out(struct visit *v)
{
	if (v->visitor < 0)
		return;
	close(v->visitor);
	v->visitor = -1;
	v->looks = false;
	crew_freeze(v->crew, false);
}

void visit_close(struct visit *v)
{
	show_out(v);
	if (v->listener >= 0) {
		close(v->listener);
		unlinkat(v->dir, STATEDIR_CONTROL, 0);
	}
	if (v->dir >= 0)
		close(v->dir);
	v->dir = v->listener = -1;
}

void visit_fill_polls(const struct visit *v, struct pollfd *p)
{
	p[VISIT_LISTENER] = (struct pollfd){ .fd = v->visitor < 0 ? v->listener : -1, .events = POLLIN };
	p[VISIT_VISITOR] = (struct pollfd){ .fd = v->visitor, .events = POLLIN };
}

static void say(struct visit *v, const char *word)
{
	if (send(v->visitor, word, strlen(word), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		show_out(v);
}

static void receive(struct visit *v)
{
	char word[16];
	ssize_t n = recv(v->visitor, word, sizeof word - 1, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	word[n > 0 ? n : 0] = '\0';
	if (strcmp(word, "look") == 0 && !v->looks) {
		crew_freeze(v->crew, true);
		return;
	}
	if (strcmp(word, "done") == 0 && v->looks)
		say(v, "thawed");
	show_out(v);
}

void visit_serve(struct visit *v, const struct pollfd *p, uint64_t now_ns)
{
	if (p[VISIT_LISTENER].revents) {
		v->visitor = accept4(v->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		v->deadline_ns = now_ns + VISIT_MS * NS_PER_MS;
	}
	if (p[VISIT_VISITOR].revents && v->visitor >= 0)
		receive(v);
	if (v->visitor < 0)
		return;
	if (v->looks != crew_frozen(v->crew)) {
		if (v->looks) {		/* the coordinator that had agreed is dead */
			show_out(v);
			return;
		}
		v->looks = true;
		say(v, "frozen");
	}
	if (now_ns >= v->deadline_ns)
		show_out(v);
}

uint64_t visit_deadline(const struct visit *v)
{
	return v->visitor >= 0 ? v->deadline_ns : 0;
}
