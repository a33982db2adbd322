# A2: a failure that comes before the init is forgotten
# file: acker/ledger.c
/^static inline void init/,/^}/s/if (e->state & FAILED) {/if (e->state \& FAILED \&\& l->telling) {/
