# A9: a position passes ids that are open
# file: runtime/worker/position.c
/^uint64_t \*position_ids/,/^}/s/if (p->row\[i\].open)/if (p->row[i].open \&\& i < p->first + 2)/
