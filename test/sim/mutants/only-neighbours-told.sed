# R3: only the sources that send to the dead worker directly are told
# file: runtime/supervisor/fence.c
s/plan_reaches(p, /plan_feeds(p, /
