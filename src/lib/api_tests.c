/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

#include <stdlib.h>

struct subunit2_tests {
	struct outcome *outcome;
	struct packet_tags tags;
	struct convert_lists lists;
};

void
subunit2_result_init_size(struct subunit2_result *result, size_t size)
{
	memset(result, 0, size);
	result->size = size;
	result->start = result->stop = SUBUNIT2_NO_TIME;
}

struct subunit2_tests *
subunit2_tests_new(size_t file_max)
{
	struct subunit2_tests *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->outcome = outcome_new(file_max);
	if (!t->outcome) {
		free(t);
		return NULL;
	}
	return t;
}

void
subunit2_tests_free(struct subunit2_tests *t)
{
	if (!t)
		return;
	outcome_free(t->outcome);
	packet_tags_release(&t->tags);
	convert_lists_release(&t->lists);
	free(t);
}

/* 1 and *out for a result, 0 for none, or a code. */
static int
give(struct subunit2_tests *t, const struct result *r, struct subunit2_result *out)
{
	int rc = r ? convert_result(&t->lists, r, out) : 0;

	return r && rc == 0 ? 1 : rc;
}

int
subunit2_tests_event(
    struct subunit2_tests *t, const struct subunit2_event *event, struct subunit2_result *out)
{
	const struct result *r;
	struct event e;
	int rc = out->size < sizeof(*out) ? SUBUNIT2_ERROR_ARGUMENT : convert_to_event(&t->tags, event, &e);

	if (rc < 0)
		return rc;
	if (outcome_event(t->outcome, &e, &r) < 0)
		return SUBUNIT2_ERROR_MEMORY;
	return give(t, r, out);
}

int
subunit2_tests_open(struct subunit2_tests *t, struct subunit2_result *out)
{
	if (out->size < sizeof(*out))
		return SUBUNIT2_ERROR_ARGUMENT;
	return give(t, outcome_open_next(t->outcome), out);
}
