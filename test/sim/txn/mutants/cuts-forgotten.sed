# a reset forgets the cuts
# file: runtime/txn/coordinator.c
s/bool cuts = c->config.cuts;/bool cuts = false;/
