# a planned batch ends where it is closed
# file: test/sim/txn/spout.c
/^static bool is_over/,/^}/s/return f->planned ? !before_end(n, f, t) : f->closed;/return f->closed || (f->planned \&\& f->tuples > 2);/
