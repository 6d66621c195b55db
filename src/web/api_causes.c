/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "causes.h"

#include <stdlib.h>

/* What of the attachments of one failure is looked at for its cause; that of `testr causes`. */
#define DETAIL_MAX ((size_t)64 << 10)

struct gathering {
	struct causes causes;
	struct repo_run run;
};

static int
take_result(void *context, const struct result *r, struct err *err)
{
	struct gathering *g = context;

	return shape_verdict(r->status, &g->run) == VERDICT_FAIL ? causes_add(&g->causes, r, err) : 0;
}

static int
give(const struct causes *c, struct reply *out, const struct request *request, int64_t limit, struct err *err)
{
	const struct causes_group **order = causes_ranked(c);
	size_t i = 0;
	int rc = 0;

	if (!order)
		return err_nomem(err);
	reply_list(out, "causes");
	for (; rc == 0 && i < c->keys.len && i < (size_t)limit && !reply_full(out); i++)
		rc = reply_item(out,
		    shape_cause(order[i]->message, order[i]->frames, order[i]->failures, &order[i]->tests),
		    err);
	free(order);
	return rc ? rc : reply_list_end(out, request, NULL, err);
}

int
api_causes(struct call *call, struct reply *out, struct err *err)
{
	struct gathering g = {0};
	int64_t limit;
	int rc;

	if (call_limit(call, out, &limit))
		return 0;
	rc = call_run(call, out, 0, &g.run, err);
	if (rc == 0)
		rc = repo_results(call->repo, g.run.id, DETAIL_MAX, take_result, &g, err);
	if (rc == 0)
		rc = give(&g.causes, out, call->request, limit, err);
	causes_release(&g.causes);
	return rc;
}
