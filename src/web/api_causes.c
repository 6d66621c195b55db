/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "run_causes.h"

#include <stdlib.h>

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
	struct causes causes = {0};
	struct repo_run run;
	int64_t limit;
	int rc;

	if (call_limit(call, out, &limit))
		return 0;
	rc = call_run(call, out, 0, &run, err);
	if (rc == 0)
		rc = run_causes_read(call->repo, &run, NULL, NULL, &causes, err);
	if (rc == 0)
		rc = give(&causes, out, call->request, limit, err);
	causes_release(&causes);
	return rc;
}
