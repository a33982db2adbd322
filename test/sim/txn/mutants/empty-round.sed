# X6: a round that changed nothing is not written
# file: runtime/state/state.c
/^int state_prepare/,/^}/s/s->in_batches = true;/s->in_batches = true;\n\tif (s->overlay.n_dirty == 0)\n\t\treturn 0;/
