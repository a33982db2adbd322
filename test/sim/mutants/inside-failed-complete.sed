# a message that has failed while it was emitted can be complete before its acker has the fail
# file: runtime/worker/inside.h
# with: test/sim/bolt.c test/sim/spout.c
s/return failed ? edges ^ inside_edge(next) : edges;/return edges;/
