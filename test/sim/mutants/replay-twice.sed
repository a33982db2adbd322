# a replay that is due is emitted, and stays due
# file: runtime/worker/pending.c
/^bool pending_next_replay/,/^}/s/p->n_replays--;/p->n_replays -= p->n_replays < 2;/
