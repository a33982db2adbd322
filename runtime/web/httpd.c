/* httpd.c - see httpd.h. SPDX-License-Identifier: Apache-2.0 */
#include "httpd.h"
