# a cut is written and not synced
# file: test/sim/txn/chief.c
/^static void write_cut/,/^}/s/disk_sync_ledger(n->w);//
