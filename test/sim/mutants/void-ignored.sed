# A6: the acker keeps what its spout has given up
# file: acker/ledger.c
/^void ledger_void/,/^}/s/if (e != NULL)/if (e != NULL \&\& l->telling)/
