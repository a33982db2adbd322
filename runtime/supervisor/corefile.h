/* corefile.h - where the kernel has put a core file. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_COREFILE_H
#define GALE_COREFILE_H

#include <sys/types.h>

#include "buf.h"

/* corefile_where adds where the core file of process PID went, which worked in the current directory:
 * a path, or the program that it was given to; PATTERN is what core_pattern says, NULL: it is read. */
void corefile_where(struct buf *out, pid_t pid, const char *pattern);

#endif
