# X10: the first spout that has nothing more ends the input
# file: runtime/txn/coordinator.c
s/ALL(c, ROLE_CUTS, dry, txid)/c->workers[0].dry >= txid/
