# what fails while others are not ready yet is not heard
# file: runtime/txn/coordinator.c
s/ && !early(c, x))/ \&\& (!early(c, x) || x->kind == REPORT_FAILED))/
