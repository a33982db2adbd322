/* exitcode.h - how commands end; a supervisor's answers have the same codes, for commands and for whoever
 * else asks it. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_EXITCODE_H
#define GALE_EXITCODE_H

/* What every command returns, the same for all (see gale.1). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,	/* the work itself failed */
	EXIT_USAGE = 2,		/* unknown command or option, bad value */
	EXIT_INVALID = 3,	/* the topology has an error */
	EXIT_NOT_FOUND = 4,	/* no such file, plugin, topology, component */
	EXIT_CONFLICT = 5,	/* it is there already, or in the wrong state */
	EXIT_NO_ANSWER = 6,	/* the topology's supervisor does not answer */
	EXIT_TIMED_OUT = 7,
	EXIT_INTERRUPTED = 130,	/* by SIGINT */
	EXIT_TERMINATED = 143	/* by SIGTERM */
};

#endif
