/* SPDX-License-Identifier: Apache-2.0
 *
 * Libraries that are loaded when they are used: testr starts for each test process, and few of its commands need
 * them. Loading them always would double the time that a start takes. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include "err.h"

#include <microhttpd.h>
#include <nettle/sha2.h>
#include <stddef.h>

#define MHD_FUNCTIONS(X) \
	X(MHD_start_daemon) \
	X(MHD_quiesce_daemon) \
	X(MHD_stop_daemon) \
	X(MHD_get_connection_info) \
	X(MHD_lookup_connection_value) \
	X(MHD_suspend_connection) \
	X(MHD_resume_connection) \
	X(MHD_create_response_from_buffer) \
	X(MHD_create_response_from_callback) \
	X(MHD_create_response_from_fd_at_offset64) \
	X(MHD_add_response_header) \
	X(MHD_queue_response) \
	X(MHD_destroy_response)
#define NETTLE_FUNCTIONS(X) \
	X(nettle_sha256_init) \
	X(nettle_sha256_update) \
	X(nettle_sha256_digest)

#define LIBRARY_MEMBER(name) __typeof__(&name) name;
#define LIBRARY_NAME(name) #name,

/* The functions of libmicrohttpd that we use, and those of nettle. */
struct mhd {
	MHD_FUNCTIONS(LIBRARY_MEMBER)
};
struct nettle {
	NETTLE_FUNCTIONS(LIBRARY_MEMBER)
};

int library_mhd(struct mhd *out, struct err *err);
int library_nettle(struct nettle *out, struct err *err);

/* Loads a library by its file name and writes the addresses of `count` functions to `functions`, an array of
 * pointers to functions. `package` is where Debian has it. It stays loaded. */
int library_load(const char *file, const char *package, const char *const *names, size_t count,
    void *functions, struct err *err);

#endif
