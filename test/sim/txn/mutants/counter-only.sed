# X1: a new coordinator begins with the first generation again
# file: test/sim/txn/chief.c
s/coordinator_init(n->chief, &config, n->start, &ops, n);/coordinator_init(n->chief, \&config, 1, \&ops, n);/
