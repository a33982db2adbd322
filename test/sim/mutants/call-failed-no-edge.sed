# a call: what has failed is no edge, and the tree may be complete before the acker has the fail
# file: runtime/worker/inside.h
# with: test/sim/bolt.c test/sim/spout.c
s/return n == 0 || .*;/return 0;/
