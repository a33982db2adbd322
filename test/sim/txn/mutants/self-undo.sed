# X3: a successor reads the record and undoes by itself
# file: test/sim/txn/bolt.c
/^void bolt_begin/,/^}/s/violated(w, "state", "%s", e.text);/violated(w, "state", "%s", e.text);\n\t\tstate_undo(n->state[t], w->ledger.txid, \&e);/
