# behind planned batches none is begun
# file: runtime/txn/coordinator.c
s/ || (last != NULL \&\& last->planned))/)/
