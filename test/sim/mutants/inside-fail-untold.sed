# a message that has left edges and failed while it was emitted: the acker does not hear of the fail
# file: test/sim/spout.c
/^static void under_way/,/^}/s/if (n->emitting_failed)/if (n->over)/
