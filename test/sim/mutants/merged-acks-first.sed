# a tuple that stands for several acks the first of its roots
# file: runtime/worker/merged.c
/^void merged_hand_in/,/^}/s/while (next_group/if (next_group/
