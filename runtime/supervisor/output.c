/* output.c - see output.h. SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "logline.h"

enum {
	READ_BYTES = 65536,
	LAST_READS = 64		/* a process that was left behind may write for ever */
};

int output_open(struct output *o, struct error *e)
{
	int ends[2];

	*o = (struct output){ .fd = -1, .relay = { .label = LOGLINE_OUTPUT } };
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_errno(e, "cannot make a pipe for the standard output");
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 || dup2(ends[1], STDOUT_FILENO) < 0) {
		error_errno(e, "cannot take over the standard output");
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	close(ends[1]);
	o->fd = ends[0];
	return 0;
}

/* serve reads once; false: there was nothing. */
static bool serve(struct output *o, struct outlet *out)
{
	static char bytes[READ_BYTES];
	struct buf lines = { 0 };
	ssize_t n;

	do
		n = read(o->fd, bytes, sizeof bytes);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	relay_bytes(&o->relay, bytes, (size_t)n, &lines);
	outlet_lines(out, &lines);
	buf_free(&lines);
	return true;
}

void output_serve(struct output *o, struct outlet *out)
{
	if (o->fd >= 0)
		serve(o, out);
}

void output_close(struct output *o, struct outlet *out)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct buf lines = { 0 };

	if (o->fd >= 0) {
		dup2(null, STDOUT_FILENO);
		for (int i = 0; i < LAST_READS && serve(o, out); i++)
			;
		relay_end(&o->relay, &lines);
		outlet_lines(out, &lines);
		buf_free(&lines);
		close(o->fd);
		o->fd = -1;
	}
	if (null >= 0)
		close(null);
}
