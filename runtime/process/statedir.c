/* statedir.c - see statedir.h. SPDX-License-Identifier: Apache-2.0 */
#include "statedir.h"

#include "memory.h"

char *statedir_position(const char *dir, const char *component, uint32_t index)
{
	return xasprintf("%s/positions/%s.%u", dir, component, index);
}

char *statedir_state(const char *dir, const char *component, uint32_t index)
{
	return xasprintf("%s/state/%s.%u", dir, component, index);
}
