# who has switched a data edge goes on in the same generation
# file: test/sim/txn/worker.c
/^static void succeed/,/^}/s/n->generation = 0;/;/
