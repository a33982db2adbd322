# what fails is told to the first of its roots
# file: test/sim/bolt.c
/^static void fail(/,/^}/s/i < t->n_roots/i < 1/
