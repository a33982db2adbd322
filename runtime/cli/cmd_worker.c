/* cmd_worker.c - gale worker: what the supervisor executes, not for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "worker.h"

enum { WORKER_ARGUMENTS = 12 };	/* see worker_main */

int cmd_worker(const struct command_line *line)
{
	if (line->argc != WORKER_ARGUMENTS) {
		command_say("\"worker\" is started by gale run, not by hand");
		return EXIT_USAGE;
	}
	return worker_main(line->argc, line->argv);
}
