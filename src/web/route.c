/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

/* How many segments a "{name...}" takes of those that are left: what the words behind it leave. 0: too few. */
static size_t
takes(struct slice rest, size_t left)
{
	struct slice word;
	size_t behind = 0;

	while (slice_split(&rest, '/', &word))
		behind++;
	return left > behind ? left - behind : 0;
}

/* From the beginning of one part of a path to the end of another one. */
static struct slice
join(struct slice first, struct slice last)
{
	return slice_of(first.data, (size_t)(last.data - first.data) + last.len);
}

static bool
fits(const struct route *route, const struct request *r, struct route_match *m)
{
	struct slice rest = slice_str(route->pattern + 1), word;
	size_t at = 0, parts = 0;

	if (rest.len == 0)
		return r->segment_count == 0;
	while (slice_split(&rest, '/', &word)) {
		size_t count = slice_ends(word, SLICE_LIT("...}")) ? takes(rest, r->segment_count - at) : 1;

		if (at == r->segment_count || count == 0)
			return false;
		if (word.len && word.data[0] == '{') {
			if (r->segments[at].len == 0 || parts == ROUTE_PARTS_MAX)
				return false;
			m->raw[parts] = join(r->raw[at], r->raw[at + count - 1]);
			m->parts[parts] = count == 1 ? r->segments[at] : SLICE_NONE;
			parts++;
		} else if (!slice_eq(word, r->segments[at])) {
			return false;
		}
		at += count;
	}
	return at == r->segment_count;
}

bool
route_find(const struct route *table, size_t count, unsigned method, const struct request *r,
    struct route_match *out)
{
	unsigned methods = 0;

	for (size_t i = 0; i < count; i++) {
		struct route_match m = {.route = &table[i]};

		if (!fits(&table[i], r, &m))
			continue;
		if ((unsigned)table[i].method == method) {
			*out = m;
			return true;
		}
		methods |= (unsigned)table[i].method;
	}
	*out = (struct route_match){.methods = methods};
	return false;
}

static bool
knows(const struct route *route, struct slice key)
{
	struct slice words = slice_str(route->params), word;

	while (slice_word(&words, &word))
		if (slice_eq(word, SLICE_LIT("*")))
			return true;
		else if (word.data[word.len - 1] == '.' ? key.len > word.len && slice_starts(key, word)
							: slice_eq(key, word))
			return true;
	return false;
}

struct slice
route_unknown_param(const struct route *route, const struct request *r)
{
	for (size_t i = 0; i < r->param_count; i++)
		if (!knows(route, r->params[i].key))
			return r->params[i].key;
	return SLICE_NONE;
}
