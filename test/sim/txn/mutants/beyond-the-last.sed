# what a call emits beyond the planned end of the last batch goes on
# file: test/sim/txn/spout.c
s/ || !filled_of(n, n->begun)->last)/ || true)/
