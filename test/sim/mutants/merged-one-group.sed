# all that a frame tells of roots is told of the first one
# file: runtime/worker/combine.h
# with: test/sim/post.c
s/if (root != c->root) {/if (c->root == 0) {/
