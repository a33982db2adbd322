# R2: a dead sender stays in the fences that wait for it
# file: runtime/supervisor/fence.c
s/^\t\tstrike(f, worker, i, false);/\t\tif (i == f->plan->n_workers) strike(f, worker, i, false);/
