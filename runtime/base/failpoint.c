/* failpoint.c - see failpoint.h. SPDX-License-Identifier: Apache-2.0 */
#include "failpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

enum { RULES_MOST = 16, POINT_MOST = 32, KILL = 0, KILL_ALL = -1, STOP = -2 };

bool failpoints_on;

/* No allocation here: one of the points is in it. */
static struct rule {
	char point[POINT_MOST];
	unsigned long n, reached;
	int error;		/* KILL, KILL_ALL, STOP, or what errno is to be */
} rules[RULES_MOST];
static size_t n_rules;
static bool is_worker;		/* the supervisor is its parent */

static int what_of(const char *word)
{
	if (*word == '\0')
		return EIO;
	return strcmp(word, "kill") == 0 ? KILL : strcmp(word, "all") == 0 ? KILL_ALL :
	    strcmp(word, "stop") == 0 ? STOP : atoi(word);
}

/* add_rule reads "POINT=N[,WHAT[,START]]", LENGTH bytes at TEXT. */
static bool add_rule(const char *text, size_t length, uint32_t start)
{
	char copy[128], what[16] = "";
	struct rule *r = &rules[n_rules];
	unsigned of_start = 1;

	if (length >= sizeof copy || n_rules == RULES_MOST)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (sscanf(copy, "%31[a-z.]=%lu,%15[^,],%u", r->point, &r->n, what, &of_start) < 2 || r->n == 0)
		return false;
	r->error = what_of(what);
	n_rules += of_start == start;
	return true;
}

void failpoints_init(const char *who, uint32_t start)
{
	const char *text = getenv("GALE_FAILPOINTS");

	is_worker = strcmp(who, "supervisor") != 0;
	while (text != NULL && *text != '\0') {
		size_t length = strcspn(text, ";"), name = strlen(who);
		const char *slash = memchr(text, '/', length);
		bool mine = slash == NULL || ((size_t)(slash - text) == name && strncmp(text, who, name) == 0);
		size_t skip = slash != NULL ? (size_t)(slash - text) + 1 : 0;

		if (mine && !add_rule(text + skip, length - skip, start))
			die("GALE_FAILPOINTS: \"%.*s\" is no rule", (int)length, text);
		text += length + (text[length] == ';');
	}
	failpoints_on = n_rules > 0;
}

bool failpoint_reached(const char *point)
{
	for (size_t i = 0; i < n_rules; i++) {
		struct rule *r = &rules[i];

		if (strcmp(r->point, point) != 0 || ++r->reached != r->n)
			continue;
		dprintf(STDERR_FILENO, "failpoint %s reached\n", point);
		if (r->error == KILL_ALL && is_worker)
			kill(getppid(), SIGKILL);
		if (r->error == KILL || r->error == KILL_ALL)
			raise(SIGKILL);
		if (r->error == STOP) {
			raise(SIGSTOP);
			return false;
		}
		errno = r->error;
		return true;
	}
	return false;
}
