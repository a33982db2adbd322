# A1: two tuples of one root that become one are two edges of its tree, and cancel
# file: runtime/worker/combine.h
# with: test/sim/post.c
s/if (root == e->last) {/if (root == 0) {/
