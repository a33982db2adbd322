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

/* json_scan_scalar gives X the type and value of TEXT if all of it is a number, true, false
 * or null; else X stays as it is. */
bool json_scan_scalar(const char *text, struct json_node *x);

#endif
