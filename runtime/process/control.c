/* control.c - see control.h. SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "failpoint.h"
#include "memory.h"

/* One line it stays, whatever a plugin's last words look like. */
static void flatten(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

int control_send(int fd, const char *format, ...)
{
	va_list args;
	char *text;
	ssize_t sent;
	size_t n;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	n = strlen(text);
	assert(n > 0);		/* an empty one would read as the end of the channel */
	if (n >= CONTROL_MAX) {
		free(text);
		errno = EMSGSIZE;
		return -1;
	}
	flatten(text);
	do
		sent = failpoint("control.send") ? -1 : send(fd, text, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	free(text);
	return sent < 0 ? -1 : 0;
}

/* A side that closes with unread messages in its queue makes the other side's next
 * receive fail with ECONNRESET, once, although what it said before ("fatal ...") still
 * lies there: so that error only means "ask again". */
int control_receive(int fd, char *text, size_t size)
{
	ssize_t n;

	assert(size > 1);
	do
		n = recv(fd, text, size - 1, MSG_TRUNC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -1;
	if ((size_t)n > size - 1) {
		errno = EMSGSIZE;
		return -1;
	}
	text[n] = '\0';
	return (int)n;
}

/* ---- what a message says ---- */

/* What follows a word. */
enum shape { NOTHING, SOME_TEXT, TABLE, FINISH_OR_DISCARD, WORKER_START, WORKER_TEXT, ROOT_TEXT, COMPONENT_TEXT, INQUIRY_TEXT };

static const struct {
	const char *word;
	enum shape shape;
} words[] = {
	[CONTROL_HELLO] = { "hello", NOTHING },
	[CONTROL_READY] = { "ready", NOTHING },
	[CONTROL_ENDED] = { "ended", NOTHING },
	[CONTROL_FATAL] = { "fatal", SOME_TEXT },
	[CONTROL_SWITCHED] = { "switched", WORKER_START },
	[CONTROL_LAID] = { "laid", NOTHING },
	[CONTROL_FROZEN] = { "frozen", NOTHING },
	[CONTROL_PONG] = { "pong", NOTHING },
	[CONTROL_TELLS] = { "tells", INQUIRY_TEXT },
	[CONTROL_TOLD] = { "told", INQUIRY_TEXT },
	[CONTROL_PEERS] = { "peers", TABLE },
	[CONTROL_OVER] = { "over", TABLE },
	[CONTROL_LAYOUT] = { "layout", TABLE },
	[CONTROL_ACTIVATE] = { "activate", NOTHING },
	[CONTROL_DEACTIVATE] = { "deactivate", NOTHING },
	[CONTROL_DRAIN] = { "drain", FINISH_OR_DISCARD },
	[CONTROL_SWITCH] = { "switch", WORKER_START },
	[CONTROL_OBITUARY] = { "obituary", ROOT_TEXT },
	[CONTROL_LOST] = { "lost", WORKER_TEXT },
	[CONTROL_FREEZE] = { "freeze", NOTHING },
	[CONTROL_THAW] = { "thaw", NOTHING },
	[CONTROL_LEVEL] = { "level", COMPONENT_TEXT },
	[CONTROL_PING] = { "ping", NOTHING },
	[CONTROL_LEAVE] = { "leave", NOTHING },
	[CONTROL_STOP] = { "stop", NOTHING },
	[CONTROL_TAP] = { "tap", INQUIRY_TEXT },
	[CONTROL_UNTAP] = { "untap", INQUIRY_TEXT },
	[CONTROL_TRACE] = { "trace", INQUIRY_TEXT },
};

/* take_number reads digits at *TEXT, up to MOST, and the blank behind them. No digits, too
 * many or something else behind them: false. */
static bool take_number(const char **text, uint64_t most, uint64_t *n)
{
	const char *at = *text;

	for (*n = 0; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (*n > (most - digit) / 10)
			return false;
		*n = *n * 10 + digit;
	}
	if (at == *text || (*at != ' ' && *at != '\0'))
		return false;
	*text = at + (*at == ' ');
	return true;
}

static bool take_u32(const char **text, uint32_t *n)
{
	uint64_t wide;

	if (!take_number(text, UINT32_MAX, &wide))
		return false;
	*n = (uint32_t)wide;
	return true;
}

static bool take_arguments(struct control_message *m, enum shape shape, const char *text)
{
	switch (shape) {
	case NOTHING:
		return *text == '\0';
	case FINISH_OR_DISCARD:
		m->discard = strcmp(text, "discard") == 0;
		return m->discard || strcmp(text, "finish") == 0;
	case WORKER_START:
		return take_u32(&text, &m->worker) && take_u32(&text, &m->start) && *text == '\0';
	case WORKER_TEXT:
		if (!take_u32(&text, &m->worker))
			return false;
		break;
	case ROOT_TEXT:
		if (!take_number(&text, UINT64_MAX, &m->root))
			return false;
		break;
	case COMPONENT_TEXT:
		if (!take_u32(&text, &m->component))
			return false;
		break;
	case INQUIRY_TEXT:
		if (!take_u32(&text, &m->inquiry))
			return false;
		break;
	case SOME_TEXT:
	case TABLE:
		break;
	}
	m->text = text;
	return true;
}

bool control_parse(struct control_message *m, const char *text)
{
	size_t length = strcspn(text, " ");

	for (int i = 0; i < CONTROL_WORDS; i++) {
		if (strlen(words[i].word) != length || memcmp(words[i].word, text, length) != 0)
			continue;
		*m = (struct control_message){ .word = (enum control_word)i, .text = "" };
		return take_arguments(m, words[i].shape, text + length + (text[length] == ' '));
	}
	return false;
}

bool control_table(const char *text, uint32_t *starts, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!take_u32(&text, &starts[i]))
			return false;
	return *text == '\0';
}
