# A1: what two anchors share is put in twice, and twice is nothing
# file: test/sim/bolt.c
s/if (times % 2 == 0)/if (times > MOST_ROOTS)/
