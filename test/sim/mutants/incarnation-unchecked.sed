# I1: frames of a dead incarnation are taken
# file: test/sim/node.c
s/if (f->start < n->starts\[f->worker\])/if (f->start == 0)/
