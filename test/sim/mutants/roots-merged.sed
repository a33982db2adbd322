# a fold puts a root into its neighbour's entry
# file: runtime/worker/fold.c
s/i = idmap_get(&f->index, root);/i = idmap_get(\&f->index, root \& ~(uint64_t)1);/
