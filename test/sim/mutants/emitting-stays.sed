# what fails of a message whose emit has returned is kept, by nobody
# file: test/sim/spout.c
/^static void emit/,/^}/s/n->emitting = 0;/;/
