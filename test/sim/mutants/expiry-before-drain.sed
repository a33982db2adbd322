# A4: an acker expires trees while their records wait in its queue
# file: test/sim/judge.c
s/if (n->deadline_ns != 0 && input_empty && now >= n->deadline_ns + GRACE_NS)/if (n->deadline_ns != 0 \&\& (input_empty || !input_empty))/
