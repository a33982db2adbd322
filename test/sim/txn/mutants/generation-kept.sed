# X1: a reset does not raise the generation
# file: runtime/txn/coordinator.c
s/^\tc->generation++;//
