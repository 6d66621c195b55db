/* SPDX-License-Identifier: Apache-2.0 */
#include "descriptor.h"

#include "subunit2.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

static int
wait_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, -1) < 0 && errno != EINTR ? -1 : 0;
}

int
descriptor_write(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (wait_writable(fd) < 0)
				return SUBUNIT2_ERROR_SYSTEM;
		} else if (errno != EINTR) {
			return SUBUNIT2_ERROR_SYSTEM;
		}
	}
	return 0;
}

int
descriptor_read(int fd, void *room, size_t size)
{
	ssize_t n;

	do
		n = read(fd, room, size < INT_MAX ? size : INT_MAX);
	while (n < 0 && errno == EINTR);
	return n < 0 ? SUBUNIT2_ERROR_SYSTEM : (int)n;
}
