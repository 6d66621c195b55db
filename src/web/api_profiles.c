/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "matrix.h"

#include <inttypes.h>

struct listing {
	struct call *call;
	struct reply *out;
};

static int
add_profile(void *context, const struct repo_profile *p, struct err *err)
{
	struct listing *l = context;
	struct repo_run run;

	if (p->run >= 0 && repo_run_get(l->call->repo, p->run, &run, err) < 0)
		return -1;
	return reply_item(l->out, matrix_profile_json(p, &run), err);
}

int
api_profiles(struct call *call, struct reply *out, struct err *err)
{
	struct listing l = {call, out};

	reply_list(out, "profiles");
	if (repo_profiles(call->repo, add_profile, &l, err) < 0)
		return -1;
	return reply_list_end(out, call->request, NULL, err);
}

/* Which tests are shown, as the parameter has them. */
enum show {
	SHOW_ALL,
	SHOW_FAILING,
	SHOW_PARTLY, /* they fail in some profiles and not in others */
	SHOW_SKIPPED,
};

static bool
is_shown(const struct matrix *m, const struct matrix_test *at, enum show show, struct slice text)
{
	if (text.len && slice_search(at->id, text) == at->id.len)
		return false;
	switch (show) {
	case SHOW_ALL:
		return true;
	case SHOW_FAILING:
		return at->fails > 0;
	case SHOW_PARTLY:
		return at->fails > 0 && at->fails < m->profiles.len;
	case SHOW_SKIPPED:
		return at->skips > 0 && at->skips < m->profiles.len;
	}
	return false;
}

int
api_matrix(struct call *call, struct reply *out, struct err *err)
{
	struct slice text = request_param(call->request, "q");
	struct matrix m;
	int64_t limit, at = 0, given = 0;
	char next[24];
	int show = SHOW_ALL, rc;

	if (call_limit(call, out, &limit) || call_number(call, out, "cursor", &at) ||
	    call_word(call, out, "show", "all failing partly skipped", &show))
		return 0;
	rc = matrix_read(&m, call->repo, err);
	reply_list(out, "tests");
	for (; rc == 0 && at < (int64_t)m.count; at++) {
		if (!is_shown(&m, &m.list[at], (enum show)show, text))
			continue;
		if (given == limit || reply_full(out))
			break;
		rc = reply_item(out, matrix_json(&m, &m.list[at], err), err);
		given++;
	}
	snprintf(next, sizeof(next), "%" PRId64, at);
	if (rc == 0)
		rc = reply_list_end(out, call->request, at < (int64_t)m.count ? next : NULL, err);
	matrix_release(&m);
	return rc;
}
