/* noisy.c - a library that writes and reads on standard output and input when
 * it is loaded.
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <gale/gale.h>

__attribute__((constructor)) static void at_load(void)
{
	char c;
	ssize_t n = write(STDOUT_FILENO, "noise\n", 6);

	n = read(STDIN_FILENO, &c, 1);
	if (n != 0)
		_exit(4);
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	(void)ctx;
	(void)t;
	return GALE_OK;
}

static const gale_component part = { .name = "Part", .kind = GALE_BOLT, .execute = execute };

GALE_PLUGIN(&part);
