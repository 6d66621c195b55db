/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "flakes.h"

static int
give(const struct flakes *flakes, struct reply *out, const struct request *request, int64_t limit,
    struct err *err)
{
	size_t count;
	const struct flakes_test *list = flakes_list(flakes, &count);
	int rc = 0;

	reply_list(out, "flaky");
	for (size_t i = 0; rc == 0 && i < count && i < (size_t)limit && !reply_full(out); i++)
		rc = reply_item(out, flakes_json(&list[i]), err);
	return rc ? rc : reply_list_end(out, request, NULL, err);
}

int
api_flaky(struct call *call, struct reply *out, struct err *err)
{
	struct flakes_query query = {.window = FLAKES_WINDOW, .since = TIME_NONE};
	int64_t limit;
	struct flakes *flakes;
	int rc;

	if (call_limit(call, out, &limit) || call_number(call, out, "window", &query.window) ||
	    call_time(call, out, "since", &query.since))
		return 0;
	if (flakes_read(call->repo, &query, &flakes, err) < 0)
		return -1;
	rc = give(flakes, out, call->request, limit, err);
	flakes_free(flakes);
	return rc;
}
