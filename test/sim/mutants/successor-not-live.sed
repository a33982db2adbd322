# R1: a successor is not told of later losses
# file: runtime/supervisor/life.c
s/^\tfences_joined(&l->fences, worker);/\tif (!l->peers_said || l->workers[worker].start == 1) fences_joined(\&l->fences, worker);/
