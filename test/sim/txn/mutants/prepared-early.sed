# X6: a worker says prepared before it has written
# file: test/sim/txn/bolt.c
/^static void on_commit/,/^}/s/^\tpersist(n, last);/\tnode_say(n, REPORT_PREPARED, last, 0);\n\tpersist(n, last);/
