# X1: frames of any generation are taken
# file: runtime/txn/batches.c
/^enum batches_verdict batches_frame/,/^}/s/generation != b->generation || //
