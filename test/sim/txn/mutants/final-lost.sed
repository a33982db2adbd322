# X10: the record does not say that the batch was the last
# file: runtime/txn/coordinator.c
s/c->final = batch_of(c, c->round)->final;//
