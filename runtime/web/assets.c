/* assets.c - see assets.h. SPDX-License-Identifier: Apache-2.0 */
#include "assets.h"
