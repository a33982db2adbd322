# X3: a loss is ignored while a reset is in progress
# file: runtime/txn/coordinator.c
/^void coordinator_lost/,/^}/s/c->phase == COORDINATOR_NEW/c->phase <= COORDINATOR_RESETTING/
