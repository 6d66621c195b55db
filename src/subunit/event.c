/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

static const char *const names[] = {
    [STATUS_EXISTS] = "exists",
    [STATUS_INPROGRESS] = "inprogress",
    [STATUS_SUCCESS] = "success",
    [STATUS_UXSUCCESS] = "uxsuccess",
    [STATUS_SKIP] = "skip",
    [STATUS_FAIL] = "fail",
    [STATUS_XFAIL] = "xfail",
};

const char *
status_name(enum status status)
{
	return names[status];
}

bool
status_from_name(struct slice s, enum status *out)
{
	for (enum status i = STATUS_EXISTS; i <= STATUS_XFAIL; i++) {
		if (slice_eq(s, slice_str(names[i]))) {
			*out = i;
			return true;
		}
	}
	return false;
}

bool
status_is_final(enum status status)
{
	return status >= STATUS_SUCCESS;
}

/* The number N of the first tag "PREFIXN", or -1. */
static int64_t
numbered_tag(const struct slice *tags, size_t count, struct slice prefix)
{
	int64_t number;

	for (size_t i = 0; i < count; i++) {
		struct slice digits = slice_from(tags[i], prefix.len);

		if (slice_starts(tags[i], prefix) && digits.len && digits.data[0] >= '0' &&
		    digits.data[0] <= '9' && slice_int(digits, &number))
			return number;
	}
	return -1;
}

int64_t
event_worker(const struct slice *tags, size_t count)
{
	return numbered_tag(tags, count, SLICE_LIT("worker-"));
}

bool
event_quarantined(const struct slice *tags, size_t count)
{
	while (count && !slice_eq(tags[count - 1], SLICE_LIT(EVENT_QUARANTINED)))
		count--;
	return count > 0;
}

int64_t
event_attempt(const struct slice *tags, size_t count)
{
	int64_t attempt = numbered_tag(tags, count, SLICE_LIT("attempt-"));

	return attempt > 1 ? attempt : 1;
}
