# B3: a spout ends while messages are open
# file: test/sim/spout.c
/^bool spout_rest/,/^}/s/if (pending_open(&n->pending) > 0)/if (pending_open(\&n->pending) > 3)/
