# A6: the acker keeps the roots of a dead spout
# file: acker/ledger.c
s/e->owner.start < start)/e->owner.start > start)/
