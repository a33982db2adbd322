# a fold that is cut loses what did not fit
# file: runtime/worker/fold.c
/^static void forget/,/^}/s/f->n -= n;/f->n -= n; if (f->n > 3) f->n--;/
