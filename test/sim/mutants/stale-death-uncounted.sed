# A8: a death by a tuple whose root has failed already is nobody's
# file: test/sim/spout.c
/^void spout_named/,/^}/s/charge(n, root);/if (n->over) charge(n, root);/
