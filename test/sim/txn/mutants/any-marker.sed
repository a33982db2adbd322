# X1: markers of any generation are taken
# file: runtime/txn/batches.c
/^bool batches_marker/,/^}/s/generation != b->generation || //
