# A9: a position is written before the dead letters that it calls done
# file: test/sim/spout.c
/^static void write_position/,/^}/s/sync_letters(n);/if (n->over) sync_letters(n);/
