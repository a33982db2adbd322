# how many a tuple stands for is not counted
# file: runtime/worker/combine.h
# with: test/sim/post.c
s/^\tc->times\[index\]++;//
