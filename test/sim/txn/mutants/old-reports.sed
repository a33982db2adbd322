# X1: reports of any generation are taken
# file: runtime/txn/coordinator.c
s/x->generation != c->generation || w->absent/w->absent/
