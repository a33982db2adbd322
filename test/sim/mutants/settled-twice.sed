# a verdict that comes twice settles twice
# file: runtime/worker/pending.c
/^bool pending_settle/,/^}/s/idmap_remove(&p->by_root, root)/idmap_get(\&p->by_root, root)/
s/^\tgive_slot(p, slot);/\tp->flights[slot].message.body = NULL;/
