# X6: a round is written and not synced
# file: test/sim/txn/disk.c
/^int database_write/,/^}/s/pairs_copy(&d->store->synced, &d->store->now);//
