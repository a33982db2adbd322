# X8: a reset keeps what was prepared above the record
# file: test/sim/txn/bolt.c
/^void bolt_reset/,/^}/s/files_drop_above(&n->files, x->txid, true);//
