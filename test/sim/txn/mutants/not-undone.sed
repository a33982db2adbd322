# X3: a worker that was not lost keeps what it has prepared
# file: runtime/state/state.c
/^int state_undo/,/^}/s/if (s->mark.txid == last)/if (s->mark.txid >= last \&\& s->in_batches \&\& s->mark.txid - last < 2)/
