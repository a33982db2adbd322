# A1: two held tuples have one edge id
# file: runtime/worker/inside.h
# with: test/sim/bolt.c test/sim/spout.c
s/return random_mix((\*next)++);/return random_mix(*next);/
