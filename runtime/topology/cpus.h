/* cpus.h - a list of processors, as taskset(1) takes it: "0-1,3". SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_CPUS_H
#define GALE_CPUS_H

#include <sched.h>
#include <stdbool.h>

/* cpus_parse reads TEXT into SET; false: it is no such list, or has a number of CPU_SETSIZE or more. */
bool cpus_parse(const char *text, cpu_set_t *set);

#endif
