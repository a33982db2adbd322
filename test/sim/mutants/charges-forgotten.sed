# A8: a spout that starts again knows only the last death
# file: test/sim/node.c
s/^\tmemcpy(fresh.charges, n->charges, sizeof fresh.charges);/\t;/
