/* nosymbol.c - a library that is no plugin. SPDX-License-Identifier: Apache-2.0 */
extern int some_other_symbol;
__attribute__((visibility("default"))) int some_other_symbol = 1;
