# R2: the confirmation of an older start counts for a newer one
# file: runtime/supervisor/fence.c
s/start == f->fences\[worker\].start/start <= f->fences[worker].start/
