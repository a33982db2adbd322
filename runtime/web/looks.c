/* looks.c - see looks.h. SPDX-License-Identifier: Apache-2.0 */
#include "looks.h"
