# A1: what two anchors share is put in twice, and twice is nothing
# file: test/sim/bolt.c
s/^\t\tif (!had)/\t\tif (had || !had)/
