# acks leave when the log is written, before it is synced
# file: test/sim/bolt.c
s/^\tn->syncing = true;/\tack_stored(n); n->syncing = true;/
s/^static bool begin_sync/static void ack_stored(struct node *n);\n&/
