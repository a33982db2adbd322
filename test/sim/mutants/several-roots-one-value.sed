# A1: what one root of an anchor has got is noted for all of its roots
# file: test/sim/bolt.c
/^static void register_children/,/^}/s/if (h->tuple\.n_roots == 1)/if (h != NULL)/
