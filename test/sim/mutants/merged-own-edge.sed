# who merges a tuple registers an edge of its own, which nobody acks
# file: runtime/worker/combine.h
# with: test/sim/post.c
s/\*edge = e->edge;/*edge = random_mix(root);/
