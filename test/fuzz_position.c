/* fuzz_position.c - any bytes as the file of a position (libFuzzer): a crash, a bad disk or a
 * hand may have left anything in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each input is read as it is, and once more with its checksum put right, without which
 * hardly any would get further. What is accepted must come out the same, byte for byte, when
 * it is written again.
 */
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "memory.h"
#include "position.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void take(const uint8_t *data, size_t n)
{
	struct position p = { 0 };
	struct buf again = { 0 };
	struct error e = { "" };
	uint64_t sequence;
	uint32_t run;

	if (position_get(&p, data, n, &sequence, &run, &e) == 0) {
		position_put(&again, &p, sequence, run);
		must(again.n == n && memcmp(again.data, data, n) == 0);
	} else {
		must(e.text[0] != '\0');
	}
	buf_free(&again);
	position_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *copy = xmalloc(n + 1);

	memcpy(copy, data, n);
	take(copy, n);
	if (n >= 8) {
		wire_put64(copy + n - 8, XXH3_64bits(copy, n - 8));
		take(copy, n);
	}
	free(copy);
	return 0;
}
