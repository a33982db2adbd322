/* mhd.c - see mhd.h. SPDX-License-Identifier: Apache-2.0 */
#include "mhd.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libmicrohttpd.so.12"

struct mhd mhd;

static const struct call {
	const char *name;
	size_t place;
} calls[] = {
#define MHD_CALL(name) { "MHD_" #name, offsetof(struct mhd, name) },
	MHD_CALLS(MHD_CALL)
#undef MHD_CALL
};

int mhd_load(struct error *e)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *function;

	if (library == NULL)
		return error_set(e, "cannot load %s: %s; apt-get install libmicrohttpd12", LIBRARY, dlerror());
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		function = dlsym(library, calls[i].name);
		if (function == NULL)
			return error_set(e, "%s has no %s: it is too old, 0.9.75 is needed", LIBRARY, calls[i].name);
		memcpy((char *)&mhd + calls[i].place, &function, sizeof function);
	}
	return 0;
}
