# R3: spouts fail what is pending before the senders have switched
# file: runtime/supervisor/fence.c
/^static void strike/,/^}/s/if (told ? switched : x->n_waiting == 0)/if (!told \&\& switched \&\& x->n_waiting == 0)/
/^void fences_begin/,/^}/s/if (x->n_waiting == 0)/if (x->start != 0)/
