/* SPDX-License-Identifier: Apache-2.0 */
#include "adopt.h"

#include "checkpoint.h"

#include <stdlib.h>

#define DETAIL_MAX ((size_t)16 << 20)

static int
write_failing(void *context, const struct result *r, struct err *err)
{
	return checkpoint_failing(context, r, -1, err);
}

static int
add_name(void *context, struct slice name, struct err *err)
{
	return strtab_add(context, name, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

static int
write_durations(struct checkpoint_writer *w, struct index *ix, struct repo *from, struct err *err)
{
	struct strtab tests = {0};
	int64_t *durations = NULL;
	int rc = index_tests(ix, add_name, &tests, err);

	if (rc == 0) {
		durations = calloc(tests.len + 1, sizeof(*durations));
		rc = durations ? repo_durations(from, &tests, durations, err) : err_nomem(err);
	}
	for (size_t i = 0; rc == 0 && i < tests.len; i++)
		if (durations[i] >= 0)
			rc = checkpoint_duration(w, strtab_get(&tests, i), SLICE_LIT(""), durations[i], err);
	free(durations);
	strtab_release(&tests);
	return rc;
}

/* In the transaction that is open. */
static int
add_checkpoint(struct checkpoint_writer *w, struct index *ix, const struct streams *streams,
    struct repo *from, struct err *err)
{
	struct checkpoint_facts facts = {0};

	if (index_sequence_last(ix, &facts.last_sequence, err) || index_run_next(ix, &facts.next_run, err))
		return -1;
	facts.sequence = facts.last_sequence;
	return checkpoint_begin(w, streams, 1, err) ||
		       repo_failing(from, DETAIL_MAX, write_failing, w, err) ||
		       write_durations(w, ix, from, err) || checkpoint_end(w, &facts, err) ||
		       checkpoint_to_index(ix, streams, 1, &facts, err) || fold_again(ix, err)
		   ? -1
		   : 0;
}

int
adopt(struct index *ix, const struct streams *streams, struct repo *from, struct err *err)
{
	struct checkpoint_writer w = {.stream.fd = -1};
	int rc;

	if (index_begin(ix, true, err))
		return -1;
	rc = add_checkpoint(&w, ix, streams, from, err) || index_commit(ix, err) ? -1 : 0;
	checkpoint_release(&w);
	if (rc)
		index_rollback(ix);
	return rc;
}
