/* table.h - a table of text whose columns are as wide as they need. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TABLE_H
#define GALE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct table {
	char **cells;		/* row by row, N of them */
	size_t n, cap;
	const char *alignment;	/* one letter per column: "l" or "r" */
};

/* table_begin makes a table with a column for each letter of ALIGNMENT, which it keeps. Cells are
 * added row by row; table_write adds all rows to OUT and frees the table. */
void table_begin(struct table *t, const char *alignment);
void table_add(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_write(struct table *t, struct buf *out);

/* What stands in cells: numbers as 1,234,567; times as 2h14m, 3.2s; latencies as 310us, 8.4ms. */
void table_add_count(struct table *t, uint64_t n);
void table_add_rate(struct table *t, double n);
void table_add_latency(struct table *t, uint64_t ns);	/* 0: "-" */
void table_add_share(struct table *t, double share);
void text_number(struct buf *out, uint64_t n);
void text_rate(struct buf *out, double n);
void text_duration(struct buf *out, double seconds);
void text_latency(struct buf *out, uint64_t ns);

#endif
