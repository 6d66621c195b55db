/* SPDX-License-Identifier: Apache-2.0 */
#include "run_causes.h"

#include "shape.h"

struct gathering {
	const struct repo_run *run;
	struct causes *causes;
};

static int
take_result(void *context, const struct result *r, struct err *err)
{
	struct gathering *g = context;

	return shape_verdict(r->status, g->run) == VERDICT_FAIL ? causes_add(g->causes, r, err) : 0;
}

int
run_causes_read(struct repo *repo, const struct repo_run *run, struct causes *causes, struct err *err)
{
	return repo_results(
	    repo, run->id, RUN_CAUSES_DETAIL_MAX, take_result, &(struct gathering){run, causes}, err);
}
