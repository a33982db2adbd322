/* procfs.h - what the kernel knows of a worker's process. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PROCFS_H
#define GALE_PROCFS_H

#include <stdbool.h>
#include <stdint.h>

/* procfs_cpu_ns gives the processor time, user's and system's, that PID has used; 0: it is gone. */
uint64_t procfs_cpu_ns(uint32_t pid);

/* procfs_pss_bytes gives its proportional share of memory; 0: it is gone, or not to be known. */
uint64_t procfs_pss_bytes(uint32_t pid);

/* procfs_lives: there is a process PID, and it is no zombie. */
bool procfs_lives(uint32_t pid);

#endif
