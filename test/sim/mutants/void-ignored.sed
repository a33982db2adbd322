# A6: the acker keeps what its spout has given up
# file: acker/ledger.c
/^void ledger_void/,/^}/s/if (slot != NULL)/if (slot != NULL \&\& l->telling)/
