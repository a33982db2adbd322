# a tuple is merged with one of the frame that has left
# file: runtime/worker/combine.c
/^void combine_begin/,/^}/s/c->n = c->n_times/c->n_times/
