/* toperrors.h - the last error of each component, from the errors that its topology has logged.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPERRORS_H
#define GALE_TOPERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include "home.h"
#include "logreader.h"
#include "topology.h"

struct toperror {
	char *component;
	int64_t time_ms;	/* since 1970; 0: there was none */
	char *label, *text;	/* who, as the log has it; what */
};

/* A zeroed struct is one that has read nothing. */
struct toperrors {
	struct logreader log;
	int dir;
	bool open;
	struct toperror *last;	/* as the components of the topology, n of them */
	uint32_t n;
};

/* toperrors_read reads what has come since the last time; of another home or topology all. What
 * can't be read is not told. toperrors_close frees what is in T. */
void toperrors_read(struct toperrors *t, const struct home *h, const struct topology *topology);
void toperrors_close(struct toperrors *t);

/* toperrors_of gives the last error of component C, or NULL. */
const struct toperror *toperrors_of(const struct toperrors *t, uint32_t c);

#endif
