/* SPDX-License-Identifier: Apache-2.0 */
#include "run_causes.h"

#include "shape.h"

struct gathering {
	const struct repo_run *run;
	run_causes_fn counts;
	void *context;
	struct causes *causes;
};

static int
take_result(void *context, const struct result *r, struct err *err)
{
	struct gathering *g = context;

	if (shape_verdict(r->status, g->run) != VERDICT_FAIL || (g->counts && !g->counts(g->context, r)))
		return 0;
	return causes_add(g->causes, r, err);
}

int
run_causes_read(struct repo *repo, const struct repo_run *run, run_causes_fn counts, void *context,
    struct causes *causes, struct err *err)
{
	struct gathering g = {run, counts, context, causes};

	return repo_results(repo, run->id, RUN_CAUSES_DETAIL_MAX, take_result, &g, err);
}
