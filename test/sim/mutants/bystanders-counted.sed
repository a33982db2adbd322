# A8: a lost worker counts as an attempt of every message it took along
# file: test/sim/spout.c
s/m->attempt += why != BY_LOSS;/m->attempt++;/
