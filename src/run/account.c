/* SPDX-License-Identifier: Apache-2.0 */
#include "account.h"

#include "buf.h"

#include <stdlib.h>

void
account_release(struct account *a)
{
	strtab_release(&a->ids);
	free(a->fates);
	free(a->failed);
	*a = (struct account){0};
}

size_t
account_plan(struct account *a, struct slice id)
{
	bool added;
	size_t i;

	if (a->ids.len == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 64;
		uint8_t *fates = realloc(a->fates, cap);
		uint32_t *failed;

		if (!fates)
			return STRTAB_NONE;
		a->fates = fates;
		failed = reallocarray(a->failed, cap, sizeof(*failed));
		if (!failed)
			return STRTAB_NONE;
		a->failed = failed;
		a->cap = cap;
	}
	i = strtab_add(&a->ids, id, &added);
	if (i != STRTAB_NONE && added) {
		a->fates[i] = FATE_OPEN;
		a->failed[i] = 0;
		a->counts[FATE_OPEN]++;
	}
	return i;
}

/* What stands in the plan for a test in a profile. The buffer is scratch. */
static struct slice
entry(const struct account *a, size_t profile, struct slice id, struct buf *scratch)
{
	if (!a->profiled)
		return id;
	buf_slice(scratch, id);
	buf_byte(scratch, '\0');
	buf_byte(scratch, (uint8_t)(profile >> 8));
	buf_byte(scratch, (uint8_t)profile);
	return buf_get(scratch);
}

size_t
account_plan_in(struct account *a, size_t profile, struct slice id)
{
	struct buf scratch;
	struct slice text;
	size_t test;

	buf_init(&scratch, id.len + ACCOUNT_SUFFIX);
	text = entry(a, profile, id, &scratch);
	test = scratch.failed ? STRTAB_NONE : account_plan(a, text);
	buf_release(&scratch);
	return test;
}

size_t
account_find(const struct account *a, size_t profile, struct slice id)
{
	struct buf scratch;
	struct slice text;
	size_t test;

	buf_init(&scratch, id.len + ACCOUNT_SUFFIX);
	text = entry(a, profile, id, &scratch);
	test = scratch.failed ? STRTAB_NONE : strtab_find(&a->ids, text);
	buf_release(&scratch);
	return test;
}

struct slice
account_id(const struct account *a, size_t test)
{
	struct slice text = strtab_get(&a->ids, test);

	return a->profiled ? slice_head(text, text.len - ACCOUNT_SUFFIX) : text;
}

size_t
account_profile(const struct account *a, size_t test)
{
	struct slice text = strtab_get(&a->ids, test);

	return a->profiled ? (size_t)text.data[text.len - 2] << 8 | text.data[text.len - 1] : 0;
}

bool
account_settle(struct account *a, size_t test, enum fate fate)
{
	if (a->fates[test] != FATE_OPEN)
		return false;
	a->fates[test] = (uint8_t)fate;
	a->counts[FATE_OPEN]--;
	a->counts[fate]++;
	return true;
}

void
account_fail(struct account *a, size_t test, unsigned worker)
{
	a->failed[test] = worker + 1;
}

size_t
account_close(struct account *a)
{
	size_t closed = 0;

	for (size_t i = 0; i < a->ids.len; i++)
		closed += account_settle(a, i, FATE_NOT_RUN);
	return closed;
}
