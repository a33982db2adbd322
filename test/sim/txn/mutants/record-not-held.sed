# X13: a batch is decided while somebody reads
# file: runtime/txn/coordinator.c
/^static bool decide/,/^}/s/ || c->frozen//
