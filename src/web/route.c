/* SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

static bool
fits(const struct route *route, const struct request *r, struct route_match *m)
{
	struct slice rest = slice_str(route->pattern + 1), word;
	size_t at = 0, parts = 0;

	if (rest.len == 0)
		return r->segment_count == 0;
	while (slice_split(&rest, '/', &word)) {
		if (at == r->segment_count)
			return false;
		if (word.len && word.data[0] == '{') {
			if (r->segments[at].len == 0 || parts == ROUTE_PARTS_MAX)
				return false;
			m->parts[parts] = r->segments[at];
			m->raw[parts++] = r->raw[at];
		} else if (!slice_eq(word, r->segments[at])) {
			return false;
		}
		at++;
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
		if (word.data[word.len - 1] == '.' ? key.len > word.len && slice_starts(key, word)
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
