# X2: the record is written and not synced
# file: test/sim/txn/chief.c
/^static void write_record/,/^}/s/disk_sync_ledger(n->w);//
