/* uri.c - see uri.h. SPDX-License-Identifier: Apache-2.0 */
#include "uri.h"
