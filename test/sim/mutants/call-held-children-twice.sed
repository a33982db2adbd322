# a call: the children of what is held are its caller's, too
# file: runtime/worker/inside.h
# with: test/sim/bolt.c test/sim/spout.c
s/return held ? held_edge :/return held ? held_edge ^ children :/
