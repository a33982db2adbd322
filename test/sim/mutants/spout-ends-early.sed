# B3: a spout ends while messages are open
# file: test/sim/spout.c
/^bool spout_rest/,/^}/s/if (spout_open(n) > 0)/if (spout_open(n) > 3)/
