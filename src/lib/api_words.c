/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"
#include "subunit2.h"

#include <time.h>

const char *
subunit2_strerror(int error)
{
	switch (error) {
	case SUBUNIT2_OK:
		return "no error";
	case SUBUNIT2_ERROR_MEMORY:
		return "out of memory";
	case SUBUNIT2_ERROR_ARGUMENT:
		return "an argument makes no sense";
	case SUBUNIT2_ERROR_TEXT:
		return "a text is not UTF-8, or holds NUL";
	case SUBUNIT2_ERROR_TIME:
		return "the time is before 1970 or after 2106";
	case SUBUNIT2_ERROR_LONG:
		return "a text is too long";
	case SUBUNIT2_ERROR_SPACE:
		return "the buffer is too small";
	case SUBUNIT2_ERROR_SYSTEM:
		return "a system call failed";
	case SUBUNIT2_ERROR_STOPPED:
		return "stopped as asked";
	}
	return "unknown error";
}

const char *
subunit2_status_name(enum subunit2_status status)
{
	return (unsigned)status <= SUBUNIT2_XFAIL ? status_name((enum status)status) : NULL;
}

int64_t
subunit2_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * TIME_SECOND + now.tv_nsec;
}
