# A8: a message that has crashed the worker of its own spout is not charged with that
# file: test/sim/spout.c
/^void spout_named/,/^}/s/if (root != 0 && root == n->before_root)/if (n->over)/
