# X4: a batch is complete when the spouts have closed it
# file: runtime/txn/coordinator.c
s/ALL(c, 0, closed, x.txid + 1)/ALL(c, ROLE_CUTS, closed, x.txid + 1)/
