/* watch.c - see watch.h. SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"
