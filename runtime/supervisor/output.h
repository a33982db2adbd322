/* output.h - the standard output of a submitted topology, which has no terminal: a pipe, and what
 * comes out of it goes to the log, as lines of "output".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_OUTPUT_H
#define GALE_OUTPUT_H

#include "error.h"
#include "outlet.h"
#include "relay.h"

struct output {
	int fd;			/* the reading end, non-blocking: poll it for POLLIN; -1: none */
	struct relay relay;
};

/* output_open makes standard output of this process a pipe into O, before any worker is started:
 * they inherit it as OUT_FD. 0, or -1 with E set. */
int output_open(struct output *o, struct error *e);

/* output_serve takes what is there, a bounded part of it, to OUT. */
void output_serve(struct output *o, struct outlet *out);

/* output_close takes all that is left, once no worker runs any more; standard output is /dev/null
 * afterwards. Also for an O with fd -1. */
void output_close(struct output *o, struct outlet *out);

#endif
