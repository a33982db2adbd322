# a message that is over inside is acked before the log is synced
# file: test/sim/spout.c
s/n->n_inside_ready += !n->withholds;/n->n_inside_ready++;/
