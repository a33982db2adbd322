# X5: frames of later batches are worked on at once
# file: runtime/txn/batches.c
s/txid == b->txid ? BATCHES_NOW : BATCHES_ASIDE/BATCHES_NOW/
