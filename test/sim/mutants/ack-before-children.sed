# A2: a tuple is acked in one record, its children are registered in a later one
# file: test/sim/bolt.c
s/post_acked(n, t->roots\[i\], t->edge ^ children);/{ post_acked(n, t->roots[i], t->edge); post_flush(n); post_acked(n, t->roots[i], children); }/
