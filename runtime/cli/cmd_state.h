/* cmd_state.h - the parts of `gale state`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_CMD_STATE_H
#define GALE_CMD_STATE_H

#include "command.h"
#include "store.h"

/* cmd_state_store opens the state directory NAME, or that of the submitted topology NAME; or it says
 * why not and sets *CODE to what the command shall return. Close it with store_close in any case. */
bool cmd_state_store(struct store *st, const char *name, int *code);

/* cmd_state_each_key calls FN with every key of S. 0 or -1 with E set; also when FN returns one. */
typedef int cmd_state_key_fn(void *arg, gale_slice key, gale_slice value, struct error *e);
int cmd_state_each_key(struct state *s, cmd_state_key_fn *fn, void *arg, struct error *e);

/* cmd_state_flush writes OUT to standard output and empties it: 0, or -1 with E set. */
int cmd_state_flush(struct buf *out, struct error *e);

int cmd_state_verify(const struct command_line *line);
int cmd_state_export(const struct command_line *line);
int cmd_state_import(const struct command_line *line);

#endif
