# A4: an acker expires trees while their records wait in its queue
# file: test/sim/judge.c
s/if (n->deadline_ns != 0 && input_empty && now >= n->deadline_ns + n->grace_ns)/if (n->deadline_ns != 0 \&\& (input_empty || !input_empty))/
