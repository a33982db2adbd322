/* cpus.c - see cpus.h. SPDX-License-Identifier: Apache-2.0 */
#include "cpus.h"

/* take_number reads the digits at *TEXT; -1: there are none, or too many. */
static int take_number(const char **text)
{
	int n = -1;

	for (; **text >= '0' && **text <= '9'; ++*text) {
		n = (n < 0 ? 0 : n) * 10 + (**text - '0');
		if (n >= CPU_SETSIZE)
			return -1;
	}
	return n;
}

bool cpus_parse(const char *text, cpu_set_t *set)
{
	CPU_ZERO(set);
	for (;;) {
		int first = take_number(&text), last = first;

		if (*text == '-') {
			text++;
			last = take_number(&text);
		}
		if (first < 0 || last < first)
			return false;
		for (int i = first; i <= last; i++)
			CPU_SET((size_t)i, set);
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
}
