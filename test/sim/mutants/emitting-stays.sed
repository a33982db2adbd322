# what fails of a message whose emit has returned is kept, by nobody
# file: test/sim/spout.c
/^static bool emit_root/,/^}/s/n->emitting = 0;/;/
