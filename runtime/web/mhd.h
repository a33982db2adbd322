/* mhd.h - libmicrohttpd, loaded when a web server starts and not before: with the library for TLS that
 * it brings along it would cost the start of every worker 2.4 ms of processor time (5.3 instead of 2.9)
 * and 165 page faults.
 *
 *     if (mhd_load(&e) == 0) mhd.run(daemon);	MHD_run
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_MHD_H
#define GALE_MHD_H

#include <microhttpd.h>

#include "error.h"

#define MHD_CALLS(X)                                                                              \
	X(add_response_header) X(create_response_from_buffer) X(destroy_response)                 \
	X(get_connection_info) X(get_connection_values) X(get_daemon_info) X(get_timeout)         \
	X(lookup_connection_value) X(queue_response) X(resume_connection) X(run)                  \
	X(start_daemon) X(stop_daemon) X(suspend_connection)

struct mhd {
#define MHD_CALL(name) __typeof__(&MHD_##name) name;
	MHD_CALLS(MHD_CALL)
#undef MHD_CALL
};
extern struct mhd mhd;

/* mhd_load fills it; 0, or -1 with E set. */
int mhd_load(struct error *e);

#endif
