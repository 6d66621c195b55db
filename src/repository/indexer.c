/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer.h"

#include "repo_backend.h"
#include "run_packet.h"

int
indexer_init(struct indexer *x, struct index *index, int64_t run, struct err *err)
{
	*x = (struct indexer){
	    .index = index, .run = {.id = run, .start = TIME_NONE, .stop = TIME_NONE, .exit_status = -1}};
	/* Only where results begin and end is asked here, not what is attached to them. */
	x->outcome = outcome_new(0);
	return x->outcome ? 0 : err_nomem(err);
}

void
indexer_release(struct indexer *x)
{
	outcome_free(x->outcome);
	index_batch_release(&x->batch);
	*x = (struct indexer){0};
}

int
indexer_write(struct indexer *x, struct err *err)
{
	return index_results_add(x->index, x->run.id, &x->batch, err) ||
		       index_run_update(x->index, &x->run, err)
		   ? -1
		   : 0;
}

static int
write_batch(struct indexer *x, struct err *err)
{
	struct repo_run *run = &x->run, said = *run;
	int rc;

	/* Until its last result is there it goes on. */
	run->state = REPO_RUNNING;
	run->sequence = 0;
	rc = index_begin(x->index, false, err) || indexer_write(x, err) || index_commit(x->index, err) ? -1
												       : 0;
	run->state = said.state;
	run->sequence = said.sequence;
	if (rc) {
		index_rollback(x->index);
		return -1;
	}
	index_batch_release(&x->batch);
	return 0;
}

static int
take_result(struct indexer *x, const struct result *r, struct err *err)
{
	if (index_batch_add(&x->batch, r, err))
		return -1;
	repo_run_add(&x->run, r);
	return index_batch_full(&x->batch) ? write_batch(x, err) : 0;
}

static int
take_meta(void *context, struct slice key, struct slice value, struct err *err)
{
	struct indexer *x = context;
	struct repo_meta meta = {key, value};

	return index_meta_set(x->index, x->run.id, &meta, err);
}

static int
take_facts(struct indexer *x, const struct event *e, struct err *err)
{
	if (index_begin(x->index, false, err))
		return -1;
	if (run_packet_read(e, &x->run, take_meta, x, err) || index_commit(x->index, err)) {
		index_rollback(x->index);
		return -1;
	}
	return 0;
}

int
indexer_event(struct indexer *x, const struct event *e, bool facts, struct err *err)
{
	const struct result *r;

	if (facts && run_packet_is(e))
		return take_facts(x, e, err);
	if (outcome_event(x->outcome, e, &r))
		return err_nomem(err);
	return r ? take_result(x, r, err) : 0;
}

int
indexer_open_tests(struct indexer *x, struct err *err)
{
	const struct result *r;

	while ((r = outcome_open_next(x->outcome)))
		if (take_result(x, r, err))
			return -1;
	return 0;
}
