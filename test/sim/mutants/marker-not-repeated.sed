# B2: the drain marker that stands is not sent to a new incarnation
# file: test/sim/node.c
/^void node_marks_to/,/^}/s/if (n->drain_passed)/if (n->drain_passed \&\& n->end_passed)/
