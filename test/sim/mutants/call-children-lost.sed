# a call: what the callee emitted to other workers is forgotten
# file: runtime/worker/inside.h
# with: test/sim/bolt.c test/sim/spout.c
s/: children ^ failed_edge;/: failed_edge;/
