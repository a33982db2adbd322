# A1: a root that is not the last one of a tuple is taken for a new one
# file: runtime/worker/combine.h
# with: test/sim/post.c
s/if (root < e->last || /if (/
