# X6: the record is written when the round begins
# file: runtime/txn/coordinator.c
s/ || !ALL(c, ROLE_PREPARES, prepared, c->round))/)/
