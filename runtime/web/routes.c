/* routes.c - see routes.h. SPDX-License-Identifier: Apache-2.0 */
#include "routes.h"
