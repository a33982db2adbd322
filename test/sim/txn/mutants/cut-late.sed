# X4: markers leave before the cut is on disk
# file: runtime/txn/coordinator.c
/^static bool mark/,/^}/{
/write_cut/d
s/^\t\tif (c->config.cuts \&\& !b->planned)$//
s/^\t\torder_all(c, &x, ROLE_CUTS);/\t\torder_all(c, \&x, ROLE_CUTS);\n\t\tif (c->config.cuts \&\& !b->planned)\n\t\t\tc->ops->write_cut(c->arg, txid, \&b->ends, b->final);/
}
