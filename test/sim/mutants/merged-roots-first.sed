# of a tuple that stands for several the first root is held, failed and anchored to
# file: runtime/worker/merged.c
s/\*n = m->lists\[index\]\.n;/*n = m->lists[index].n > 0;/
