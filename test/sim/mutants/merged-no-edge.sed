# A2: who merges a tuple registers no edge with its anchor
# file: runtime/worker/combine.h
# with: test/sim/post.c
s/\*edge = e->edge;/*edge = 0;/
