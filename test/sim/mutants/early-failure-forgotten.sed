# A2: a failure that comes before the init is forgotten
# file: acker/ledger.c
/^void ledger_fail/,/^}/s/e = add(l, root, now_ms);/return;/
