# X3: batches begin when the first worker is ready
# file: runtime/txn/coordinator.c
s/!c->workers\[i\].absent && !c->workers\[i\].ready/false/
