# X8: a reset does not publish
# file: test/sim/txn/bolt.c
/^void bolt_reset/,/^}/s/publish(n, x->txid);/;/
