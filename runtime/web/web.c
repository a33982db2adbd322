/* web.c - see web.h. SPDX-License-Identifier: Apache-2.0 */
#include "web.h"
