# A6: entries whose init never comes are never dropped
# file: acker/ledger.c
/^static void expire/,/^}/s/if (since(e->born_ms, deadline_ms) >= no_init_ms(l))/if (no_init_ms(l) == 0)/
