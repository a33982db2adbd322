# acks leave when the log is written, before it is synced
# file: test/sim/bolt.c
s/n->syncing = n->disk->n_written;/for (n->syncing = n->disk->n_written; n->n_held > 0; let_go(n, 0)) ack(n, \&n->held[0].tuple, n->held[0].children);/
