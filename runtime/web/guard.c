/* guard.c - see guard.h. SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"
