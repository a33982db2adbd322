# R5: nobody fails what a dead acker kept
# file: runtime/supervisor/fence.c
/^static bool could_reach/,/^}/s/return true;/return false;/
