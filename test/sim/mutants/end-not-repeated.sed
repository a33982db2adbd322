# B1: who has ended does not send the end marker to a new incarnation
# file: test/sim/node.c
/^void node_marks_to/,/^}/s/if (n->end_passed)/if (n->end_passed \&\& !n->ended)/
