/* SPDX-License-Identifier: Apache-2.0 */
#include "probing.h"

#include "metadata.h"

#include <stdlib.h>
#include <string.h>

static void
on_note(void *context, const char *text)
{
	struct setup *s = context;

	ui_warn(&s->cli->ui, "note: %s", text);
}

static int64_t
on_allowed(void *context, size_t profile, struct slice id)
{
	struct setup *s = context;

	(void)id;
	return s->in[profile].timeouts.test;
}

struct runner
probing_runner(struct setup *s)
{
	return (struct runner){.config = s->config,
	    .args = s->test_args,
	    .launch = &s->launch,
	    .profiles = s->in,
	    .profile_count = s->count,
	    .workers = s->workers,
	    .sink = {.note = on_note, .allowed = on_allowed, .context = s}};
}

int
probing_begin(const struct setup *s, struct repo *repo, size_t workers, const uint32_t *seed,
    const struct repo_meta *more, size_t count, struct repo_writer **out, struct err *err)
{
	struct metadata known = {0};
	struct repo_begin begin = {
	    .command = s->cli->invoked, .uxsuccess_passes = config_uxsuccess_passes(s->config)};
	struct repo_meta *pairs = NULL;
	int rc = metadata_gather(&known, s->cli, workers, seed, config_get(s->config, "record_environment"));

	if (rc == 0) {
		pairs = calloc(known.count + count + 1, sizeof(*pairs));
		rc = pairs ? 0 : err_nomem(err);
	}
	if (rc == 0) {
		if (known.count)
			memcpy(pairs, known.pairs, known.count * sizeof(*pairs));
		memcpy(pairs + known.count, more, count * sizeof(*pairs));
		begin.meta = pairs;
		begin.meta_count = known.count + count;
		rc = repo_run_begin(repo, &begin, out, err);
	}
	free(pairs);
	metadata_release(&known);
	return rc;
}
