# X11: the loss of a worker counts as an attempt
# file: runtime/txn/coordinator.c
/^void coordinator_lost/,/^}/s/^\treset(c);/\tif (charge(c, c->txid + 1, "lost"))\n\t\treset(c);/
