/* powerloss.h - the log that test/powerloss.c writes and test/powerdisk.c reads: what was done to
 * the files below one directory, in order. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TEST_POWERLOSS_H
#define GALE_TEST_POWERLOSS_H

#include <stdint.h>

enum powerloss_op {
	POWERLOSS_CREATE = 1,	/* a file, empty */
	POWERLOSS_WRITE,	/* DATA at OFFSET */
	POWERLOSS_TRUNCATE,	/* to OFFSET bytes */
	POWERLOSS_SYNC,		/* a file, or a directory */
	POWERLOSS_RENAME,	/* PATH to DATA */
	POWERLOSS_LINK,		/* PATH has the name DATA, too */
	POWERLOSS_UNLINK,	/* a file, or an empty directory */
	POWERLOSS_MKDIR
};

/* A record; PATH follows, then DATA, neither ends with a zero. Paths are below the directory. A
 * file without a name (O_TMPFILE) has one of the kernel's, that begins with "#". */
struct powerloss {
	uint32_t op, n_path;
	uint64_t offset, n_data;
};

#endif
