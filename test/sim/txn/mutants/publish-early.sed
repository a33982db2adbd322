# X8: a sink publishes when it has prepared
# file: test/sim/txn/bolt.c
/^static void on_commit/,/^}/s/node_say(n, REPORT_PREPARED/if (n->kind == KIND_SINK)\n\t\tpublish(n, last);\n\tnode_say(n, REPORT_PREPARED/
