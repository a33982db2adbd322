# A1: what two anchors share is put in twice, and twice is nothing
# file: test/sim/bolt.c
/^static void register_children/,/^}/s/if (i > 0 \&\& roots\[i\]\.root == roots\[i - 1\]\.root)/if (i > n)/
