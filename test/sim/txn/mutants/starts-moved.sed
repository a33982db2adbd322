# a spout that begins anew begins elsewhere
# file: runtime/txn/coordinator.c
/^static void take_starts/,/^}/s/ || offsets_find(&c->at, starts->items\[i\].task) != NULL)/)/
