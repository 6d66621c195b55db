/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as what a client asks for, and as its headers: the request is refused, or its texts are UTF-8 that
 * means the same when it is written again, and finds one row at most. */
#include "api.h"
#include "fuzz.h"
#include "utf8.h"

static bool
same_params(const struct request *a, const struct request *b)
{
	for (size_t i = 0; i < a->param_count; i++)
		if (!slice_eq(a->params[i].key, b->params[i].key) ||
		    !slice_eq(a->params[i].value, b->params[i].value))
			return false;
	return a->param_count == b->param_count;
}

/* Writes the request again from its parts and reads that. */
static void
law_of_writing(const struct request *r)
{
	struct request again;
	uint8_t *storage;
	struct buf text;

	buf_init(&text, FUZZ_MAX);
	if (r->segment_count == 0)
		buf_byte(&text, '/');
	for (size_t i = 0; i < r->segment_count; i++) {
		buf_byte(&text, '/');
		request_encode(&text, r->segments[i]);
	}
	for (size_t i = 0; i < r->param_count; i++) {
		buf_byte(&text, i ? '&' : '?');
		request_encode(&text, r->params[i].key);
		buf_byte(&text, '=');
		request_encode(&text, r->params[i].value);
	}
	if (text.len <= REQUEST_TARGET_MAX) {
		storage = malloc(2 * text.len);
		LAW(storage != NULL);
		LAW(request_parse(&again, buf_get(&text), storage) == NULL);
		LAW(again.segment_count == r->segment_count && same_params(r, &again));
		for (size_t i = 0; i < r->segment_count; i++)
			LAW(slice_eq(r->segments[i], again.segments[i]));
		free(storage);
	}
	buf_release(&text);
}

static void
law_of_routes(const struct request *r)
{
	struct route_match m;

	for (unsigned method = 0; method <= METHOD_POST; method++) {
		if (!route_find(api_routes, api_route_count, method, r, &m)) {
			LAW(!m.route && !(m.methods & method));
			continue;
		}
		LAW((unsigned)m.route->method == method);
		for (size_t i = 0; i < ROUTE_PARTS_MAX && m.parts[i].data; i++)
			LAW(m.parts[i].len > 0 && utf8_valid(m.parts[i]));
		route_unknown_param(m.route, r);
	}
}

static void
laws_of_headers(struct slice text)
{
	char *header = slice_dup(text);
	uint64_t from = 7, end = 9;
	struct slice host = request_host(text);

	LAW(header != NULL);
	LAW(!host.data || (host.len > 0 && host.len <= text.len));
	for (uint64_t size = 0; size <= 1000; size += 250)
		if (request_range(header, size, &from, &end) > 0)
			LAW(from < end && end <= size);
	if (request_accepts(header, "gzip"))
		LAW(text.len >= 4);
	request_tag_matches(header, SLICE_LIT("\"0123\""));
	free(header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice target = slice_of(data, size);
	uint8_t *storage = malloc(size ? 2 * size : 1);
	struct request r;

	LAW(storage != NULL);
	if (!request_parse(&r, target, storage)) {
		for (size_t i = 0; i < r.segment_count; i++)
			LAW(utf8_valid(r.segments[i]) && !memchr(r.segments[i].data, 0, r.segments[i].len));
		law_of_writing(&r);
		law_of_routes(&r);
	}
	laws_of_headers(target);
	free(storage);
	return 0;
}
