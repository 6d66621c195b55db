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

void
stamp_profile(struct stamp *s, const struct slice *tags, size_t count)
{
	s->also = tags;
	s->also_count = count;
}

/* Adds a tag to those of the event that are here, unless it is among them. There is room. */
static void
join(struct stamp *s, size_t *count, struct slice tag)
{
	for (size_t i = 0; i < *count; i++)
		if (slice_eq(s->tags[i], tag))
			return;
	s->tags[(*count)++] = tag;
}

static int
add_tags(struct stamp *s, struct event *e)
{
	struct slice attempt = slice_str(s->attempt);
	size_t need = e->tag_count + 2 + s->also_count, kept = 0;

	if (need > s->cap) {
		struct slice *tags = realloc(s->tags, (need + 8) * sizeof(*tags));

		if (!tags)
			return -1;
		s->tags = tags;
		s->cap = need + 8;
	}
	for (size_t i = 0; i < e->tag_count; i++)
		if (!s->instead || event_worker(&e->tags[i], 1) < 0)
			s->tags[kept++] = e->tags[i];
	join(s, &kept, slice_str(s->tag));
	if (attempt.len)
		join(s, &kept, attempt);
	for (size_t i = 0; i < s->also_count; i++)
		join(s, &kept, s->also[i]);
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
