# workers switch to a new coordinator when they are told to, not at its first order
# file: test/sim/txn/worker.c
/^bool node_takes/,/^}/s/succeed(n, f->from, f->start);/;/
