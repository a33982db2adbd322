# X6: a commit is obeyed by a worker that has not closed its batches
# file: test/sim/txn/worker.c
s/else if (x->generation != n->generation || n->generation == 0)/else if (x->kind == ORDER_COMMIT \&\& n->generation == 0 \&\& n->kind != KIND_SPOUT) {\n\t\tn->generation = x->generation;\n\t\tbolt_order(n, x);\n\t} else if (x->generation != n->generation || n->generation == 0)/
