/* random.c - see random.h. SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "error.h"

uint64_t random_seed(void)
{
	uint64_t seed;
	ssize_t n;

	do
		n = getrandom(&seed, sizeof seed, 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof seed)
		die("no random numbers from the kernel: %s", strerror(errno));
	return seed;
}
