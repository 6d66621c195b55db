/* SPDX-License-Identifier: Apache-2.0 */
#include "stamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
stamp_init(struct stamp *s, unsigned number)
{
	*s = (struct stamp){0};
	snprintf(s->tag, sizeof(s->tag), "worker-%u", number);
	snprintf(s->route, sizeof(s->route), "%u", number);
}

void
stamp_release(struct stamp *s)
{
	free(s->tags);
	free(s->routes);
	s->tags = NULL;
	s->routes = NULL;
	s->cap = s->routes_cap = 0;
}

void
stamp_worker(struct stamp *s, unsigned number)
{
	snprintf(s->tag, sizeof(s->tag), "worker-%u", number);
	s->instead = true;
}

void
stamp_attempt(struct stamp *s, unsigned attempt)
{
	s->attempt[0] = '\0';
	if (attempt > 1)
		snprintf(s->attempt, sizeof(s->attempt), "attempt-%u", attempt);
}

static bool
has_tag(const struct event *e, struct slice tag)
{
	for (size_t i = 0; i < e->tag_count; i++)
		if (slice_eq(e->tags[i], tag))
			return true;
	return false;
}

static int
add_tags(struct stamp *s, struct event *e)
{
	struct slice tag = slice_str(s->tag), attempt = slice_str(s->attempt);
	size_t kept = 0;
	bool tagged = !s->instead && has_tag(e, tag), tried = !attempt.len || has_tag(e, attempt);

	if (tagged && tried)
		return 0;
	if (e->tag_count + 2 > s->cap) {
		size_t cap = e->tag_count + 8;
		struct slice *tags = realloc(s->tags, cap * sizeof(*tags));

		if (!tags)
			return -1;
		s->tags = tags;
		s->cap = cap;
	}
	for (size_t i = 0; i < e->tag_count; i++)
		if (!s->instead || event_worker(&e->tags[i], 1) < 0)
			s->tags[kept++] = e->tags[i];
	if (!tagged)
		s->tags[kept++] = tag;
	if (!tried)
		s->tags[kept++] = attempt;
	e->tags = s->tags;
	e->tag_count = kept;
	return 0;
}

static int
add_route(struct stamp *s, struct event *e)
{
	struct slice own = slice_str(s->route);
	size_t need = own.len + 1 + e->route.len;

	if (!e->route.data) {
		e->route = own;
		return 0;
	}
	if (need > s->routes_cap) {
		uint8_t *routes = realloc(s->routes, need);

		if (!routes)
			return -1;
		s->routes = routes;
		s->routes_cap = need;
	}
	memcpy(s->routes, own.data, own.len);
	s->routes[own.len] = '/';
	if (e->route.len)
		memcpy(s->routes + own.len + 1, e->route.data, e->route.len);
	e->route = slice_of(s->routes, need);
	return 0;
}

int
stamp_event(struct stamp *s, struct event *e, int64_t now)
{
	if (add_tags(s, e) < 0 || add_route(s, e) < 0)
		return -1;
	if (e->time == TIME_NONE)
		e->time = now;
	return 0;
}
