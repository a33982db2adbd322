# X6: what later batches wrote is written with the round
# file: runtime/state/overlay.c
/^bool overlay_changed/,/^}/s/c->after = slice_of(v);/;/
