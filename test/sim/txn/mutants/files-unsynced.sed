# X8: lines are prepared and not synced
# file: test/sim/txn/bolt.c
/^static void persist/,/^}/s/to->synced = true;/to->synced = false;/
