/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "choice.h"
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

static bool
is_chosen(void *choice, struct slice tags)
{
	return choice_has(choice, choice_of_tags(choice, tags));
}

int
api_flaky(struct call *call, struct reply *out, struct err *err)
{
	struct choice choice;
	struct flakes_query query = {
	    .window = FLAKES_WINDOW, .since = TIME_NONE, .counts = is_chosen, .context = &choice};
	int64_t limit;
	struct flakes *flakes = NULL;
	int rc;

	if (call_limit(call, out, &limit) || call_number(call, out, "window", &query.window) ||
	    call_time(call, out, "since", &query.since))
		return 0;
	rc = call_choice(call, out, &choice, err);
	if (rc == 0)
		rc = flakes_read(call->repo, &query, &flakes, err);
	if (rc == 0)
		rc = give(flakes, out, call->request, limit, err);
	flakes_free(flakes);
	choice_release(&choice);
	return rc;
}
