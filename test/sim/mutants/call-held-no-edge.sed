# a call: what the callee holds is no edge
# file: runtime/worker/inside.h
# with: test/sim/bolt.c test/sim/spout.c
s/return held ? held_edge :/return held ? 0 :/
