/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <stdlib.h>

int
steps_load(struct steps *s, const char *path, struct err *err)
{
	if (plan_load(path, &s->plan, err))
		return -1;
	s->count = plan_segment_count(s->plan);
	s->list = calloc(s->count + 1, sizeof(*s->list));
	if (!s->list) {
		steps_release(s);
		return err_nomem(err);
	}
	for (size_t i = 0; i < s->count; i++) {
		struct plan_segment segment = plan_segment(s->plan, i);

		s->list[i] = (struct schedule_segment){segment.concurrency, segment.isolated};
		s->isolated |= segment.isolated;
	}
	return 0;
}

int
steps_resolve(struct steps *s, const struct strtab *ids, struct err *err)
{
	size_t *of = calloc(ids->len + 1, sizeof(*of));

	if (!of)
		return err_nomem(err);
	if (plan_resolve(s->plan, ids, of, err)) {
		free(of);
		return -1;
	}
	s->of = of;
	return 0;
}

void
steps_release(struct steps *s)
{
	plan_free(s->plan);
	free(s->list);
	free(s->of);
	*s = (struct steps){0};
}
