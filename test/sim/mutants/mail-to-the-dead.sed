# the acker hears of a successor by its records, and sends verdicts on to the dead predecessor
# file: test/sim/node.c
s/^\tsucceed(n, f->worker, f->start);/\tif (f->start > n->starts[f->worker]) { n->starts[f->worker] = f->start; if (n->kind == KIND_ACKER) judge_succeeded(n, f->worker); else if (n->kind != KIND_SPOUT) bolt_succeeded(n, f->worker); }/
