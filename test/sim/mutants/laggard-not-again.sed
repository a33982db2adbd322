# R4: when a laggard has switched the sources are not told again
# file: runtime/supervisor/fence.c
s/if (told ? switched : x->n_waiting == 0)/if (!told \&\& x->n_waiting == 0)/
