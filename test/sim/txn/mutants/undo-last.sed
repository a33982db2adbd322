# X6: the undo holds what was before the last batch of the round
# file: runtime/state/overlay.c
/^bool overlay_changed/,/^}/s/while (v->older != NULL)$/while (v->older != NULL \&\& x->txid > last \&\& false)/
