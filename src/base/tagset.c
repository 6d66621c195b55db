/* SPDX-License-Identifier: Apache-2.0 */
#include "tagset.h"

#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

void
tagset_of(struct slice *tags, size_t count, struct buf *out)
{
	if (count)
		qsort(tags, count, sizeof(*tags), compare);
	for (size_t i = 0; i < count; i++) {
		if (i && slice_eq(tags[i], tags[i - 1]))
			continue;
		buf_slice(out, tags[i]);
		buf_byte(out, '\0');
	}
}

bool
tagset_of_table(const struct strtab *t, struct buf *out)
{
	struct slice *tags = calloc(t->len + 1, sizeof(*tags));

	for (size_t i = 0; tags && i < t->len; i++)
		tags[i] = strtab_get(t, i);
	if (tags)
		tagset_of(tags, t->len, out);
	free(tags);
	return tags && !out->failed;
}

bool
tagset_next(struct slice *rest, struct slice *tag)
{
	size_t end = slice_find(*rest, '\0');

	if (!rest->len)
		return false;
	*tag = slice_head(*rest, end);
	*rest = slice_from(*rest, end + 1);
	return true;
}

void
tagset_common(struct slice a, struct slice b, struct buf *out)
{
	struct slice x, y;
	bool more = tagset_next(&a, &x) && tagset_next(&b, &y);

	while (more) {
		int order = slice_cmp(x, y);

		if (order == 0) {
			buf_slice(out, x);
			buf_byte(out, '\0');
		}
		more = order < 0 ? tagset_next(&a, &x) : tagset_next(&b, &y);
		if (order == 0)
			more = more && tagset_next(&a, &x);
	}
}

void
tagset_name(struct slice set, struct buf *out)
{
	struct slice tag;
	bool first = true;

	while (tagset_next(&set, &tag)) {
		buf_str(out, first ? "" : "+");
		buf_slice(out, tag);
		first = false;
	}
	if (first)
		buf_str(out, TAGSET_EMPTY_NAME);
}
