# A8: an obituary counts only for the loss that it announces, not when its root fails before
# file: test/sim/spout.c
s/if (pending_named(&n->pending, root) != NULL)/if (why == BY_LOSS \&\& pending_named(\&n->pending, root) != NULL)/
