# X7: the next round begins before the last is decided
# file: runtime/txn/coordinator.c
/^static bool commit/,/^}/{
s/if (c->round != 0)/x.txid = c->round > c->txid ? c->round : c->txid;\n\tif (false)/
s/if (x.txid == c->txid)/if (x.txid == (c->round > c->txid ? c->round : c->txid))/
}
