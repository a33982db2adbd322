/* validate.h - pictures, and texts that are no topology yet.
 *
 *     GET  topology/ID/drawing[?sys=1]     drawing.h
 *     POST validate                        the body is the text of a topology:
 *         {"ok": false, "diagnostics": [{"severity", "line", "column", "text", "source", ... as gale lint --json}],
 *          "drawing": {...}}               null: it is too broken to be drawn
 *
 * The text is checked by `gale lint`, as a child, with its plugins: whether streams have the fields that a
 * grouping names is what one wants to know, and plugins alone tell it. Who may ask (with the token) may as well
 * submit it. It is drawn from what it says itself, without plugins.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_VALIDATE_H
#define GALE_VALIDATE_H

#include "routes.h"

extern const struct route validate_routes[];

#endif
