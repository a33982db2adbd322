# what fails while others are not ready yet is not heard
# file: runtime/txn/coordinator.c
s/ && !early(c, w, x))/ \&\& (!early(c, w, x) || x->kind == REPORT_FAILED))/
