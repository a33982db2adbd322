/* json_scan.h - the strict scanner in front of cJSON; for json.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_JSON_SCAN_H
#define GALE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"

/* json_scan holds D's source to the grammar and gives its values in pre-order: types,
 * spans, sizes, numbers. False when it is no JSON: D has the first error. The caller frees
 * *NODES in both cases. */
bool json_scan(struct diagnostics *d, size_t max_values, struct json_node **nodes, size_t *n);

/* json_scan_number reads the number at P, by JSON's grammar, into X and returns its end.
 * NULL when there is none; *WHY says what is wrong then, and also when the number itself
 * can't be held. */
const char *json_scan_number(const char *p, struct json_node *x, const char **why);

/* json_scan_word makes X the true, false or null that the N bytes at P are, if any. */
bool json_scan_word(const char *p, size_t n, struct json_node *x);

/* json_scan_scalar gives X the type and value of TEXT if all of it is a number, true, false
 * or null; else X stays as it is. */
bool json_scan_scalar(const char *text, struct json_node *x);

#endif
