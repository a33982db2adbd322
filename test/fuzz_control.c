/* fuzz_control.c - any bytes as a message of the control channel (libFuzzer).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The bytes travel through a real channel, as from a process that has gone wrong, and are
 * taken apart as the supervisor and the workers do it. What is accepted must point into the
 * text; written again, it must be accepted again and say the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control.h"
#include "memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int condition)
{
	if (!condition)
		abort();
}

/* written gives M as a message, for the words that have numbers; free it. NULL: none. */
static char *written(const struct control_message *m)
{
	const char *gap = m->text[0] != '\0' ? " " : "";

	switch (m->word) {
	case CONTROL_SWITCHED:
		return xasprintf("switched %u %u", m->worker, m->start);
	case CONTROL_SWITCH:
		return xasprintf("switch %u %u", m->worker, m->start);
	case CONTROL_LOST:
		return xasprintf("lost %u%s%s", m->worker, gap, m->text);
	case CONTROL_OBITUARY:
		return xasprintf("obituary %llu%s%s", (unsigned long long)m->root, gap, m->text);
	case CONTROL_TELLS:
		return xasprintf("tells %u%s%s", m->inquiry, gap, m->text);
	case CONTROL_TAP:
		return xasprintf("tap %u%s%s", m->inquiry, gap, m->text);
	case CONTROL_LEVEL:
		return xasprintf("level %u%s%s", m->component, gap, m->text);
	case CONTROL_FATAL:
		return xasprintf("fatal %s", m->text);
	default:
		return NULL;
	}
}

static void check_again(const struct control_message *m)
{
	struct control_message again;
	char *text = written(m);

	if (text == NULL)
		return;
	must(control_parse(&again, text));
	must(again.word == m->word && again.worker == m->worker && again.start == m->start && again.component == m->component &&
	    again.root == m->root && again.inquiry == m->inquiry && strcmp(again.text, m->text) == 0);
	free(text);
}

/* A table of just as many numbers as it has is accepted for no other number of workers. */
static void check_table(const char *text)
{
	uint32_t starts[8];
	unsigned accepted = 0;

	for (uint32_t n = 0; n <= 8; n++)
		accepted += control_table(text, starts, n);
	must(accepted <= 1);
}

static void take(const char *text, size_t n)
{
	struct control_message m;

	if (!control_parse(&m, text))
		return;
	must(m.word < CONTROL_WORDS && m.text != NULL);
	must(m.text[0] == '\0' || (m.text >= text && m.text <= text + n));
	check_again(&m);
	if (m.word == CONTROL_PEERS || m.word == CONTROL_OVER)
		check_table(m.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int ends[2] = { -1, -1 };
	char text[4096], *exact;
	int got;

	if (ends[0] < 0)
		must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	if (n == 0 || send(ends[0], data, n, 0) != (ssize_t)n)
		return 0;
	got = control_receive(ends[1], text, sizeof text);
	must(n < sizeof text ? got == (int)n : got == -1);
	if (got < 0)
		return 0;
	exact = xstrndup(text, (size_t)got);	/* so that a byte too far is seen */
	take(exact, (size_t)got);
	free(exact);
	return 0;
}
