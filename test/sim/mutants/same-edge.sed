# A1: all copies of a broadcast have one edge id
# file: test/sim/post.c
s/random_mix(n->next_edge++)/random_mix(n->next_edge)/
/^uint64_t post_emit/,/^}/s/return edges;/n->next_edge++; return edges;/
