/* control.c - see control.h. SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "error.h"

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
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		die("out of memory: a control message");
	assert(n > 0);		/* an empty one would read as the end of the channel */
	if (n >= CONTROL_MAX) {
		free(text);
		errno = EMSGSIZE;
		return -1;
	}
	flatten(text);
	do
		sent = send(fd, text, (size_t)n, MSG_NOSIGNAL);
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
