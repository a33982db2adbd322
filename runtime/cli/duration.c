/* duration.c - see duration.h. SPDX-License-Identifier: Apache-2.0 */
#include "duration.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *unit;
	int64_t ms;
} units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

#define MOST_MS INT64_C(3153600000000)

bool duration_parse(const char *text, int64_t *ms)
{
	int64_t n = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		n = n * 10 + (*at - '0');
		if (n > MOST_MS)
			return false;
	}
	if (at == text)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(at, units[i].unit) != 0)
			continue;
		*ms = n * units[i].ms;
		return n <= MOST_MS / units[i].ms;
	}
	return false;
}
