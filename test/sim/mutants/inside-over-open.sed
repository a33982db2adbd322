# a message is over inside though what it has emitted to other workers is open
# file: runtime/worker/inside.h
# with: test/sim/bolt.c test/sim/spout.c
s/return edges == 0;/return edges != 1;/
