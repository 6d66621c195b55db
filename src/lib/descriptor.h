/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing descriptors that may be anything: pipes, files, non-blocking. */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <stddef.h>

/* Writes all bytes, by one write() unless the system takes fewer, waiting for a full non-blocking descriptor.
 * Returns 0, or SUBUNIT2_ERROR_SYSTEM with errno set. */
int descriptor_write(int fd, const void *data, size_t len);

/* Reads what is there: the number of bytes, 0 at the end, or SUBUNIT2_ERROR_SYSTEM with errno set. */
int descriptor_read(int fd, void *room, size_t size);

#endif
