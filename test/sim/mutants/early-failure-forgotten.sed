# A2: a failure that comes before the init is forgotten
# file: acker/ledger.c
/^void ledger_fail/,/^}/s/e = slot ? /if (slot == NULL) return; e = slot ? /
