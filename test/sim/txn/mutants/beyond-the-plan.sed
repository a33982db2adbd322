# a planned batch is filled before the one behind it is begun
# file: test/sim/txn/spout.c
/^static bool follows/,/^}/s/return .*;/return f != NULL;/
