# a message that is over inside is pending, too
# file: test/sim/spout.c
/^static bool emit_root/,/^}/s/^\telse$/\tif (n->emitting_failed || !inside_over(edges))/
