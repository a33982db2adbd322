# X4: a batch is complete when the first marker has come
# file: runtime/txn/batches.c
s/if (b->upstream\[i\] && b->marked\[i\] < b->txid)/if (b->upstream[i] \&\& b->marked[i] >= b->txid)\n\t\t\treturn true;/
