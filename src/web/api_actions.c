/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include <inttypes.h>

int
api_cancel(struct call *call, struct reply *out, struct err *err)
{
	struct repo_run run;
	int rc = call_run(call, out, 0, &run, err);

	if (rc)
		return rc;
	if (run.state != REPO_RUNNING)
		return reply_problem(out, 409, "not-running", "run %" PRId64 " is over already", run.id);
	rc = repo_interrupt(call->repo, run.id, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return reply_problem(out, 409, "not-here",
		    "no process of this user on this machine was found that makes run %" PRId64
		    "; one that is made elsewhere, or sent, or stored in PostgreSQL is cancelled where it was started",
		    run.id);
	out->status = 202;
	return reply_json(out, shape_run(call->repo, &run, err), err);
}
