# R3: the coordinator is told of a loss before the senders have switched, and not again
# file: test/sim/txn/super.c
/^static void hello/,/^}/s/if (f->on \&\& f->waits == 0)/if (f->on)/
