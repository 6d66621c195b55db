/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include "follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TYPE_JSON "application/json"
#define TYPE_NDJSON "application/x-ndjson"
#define TYPE_PROBLEM "application/problem+json"

void
reply_init(struct reply *r)
{
	*r = (struct reply){.status = 200, .type = TYPE_JSON, .fd = -1};
	buf_init(&r->body, REPLY_MAX);
}

void
reply_release(struct reply *r)
{
	buf_release(&r->body);
	if (r->fd >= 0)
		close(r->fd);
	follow_free(r->follow);
	for (size_t i = 0; i < r->header_count; i++)
		free(r->headers[i].value);
	*r = (struct reply){.fd = -1};
}

void
reply_clear(struct reply *r)
{
	bool ndjson = r->ndjson;

	reply_release(r);
	reply_init(r);
	r->ndjson = ndjson;
}

void
reply_header(struct reply *r, const char *name, const char *format, ...)
{
	va_list args;
	char *value;

	if (r->header_count == REPLY_HEADERS_MAX)
		return;
	va_start(args, format);
	if (vasprintf(&value, format, args) < 0)
		value = NULL;
	va_end(args);
	if (value)
		r->headers[r->header_count++] = (struct reply_header){name, value};
}

void
reply_tag(char out[64], uint64_t tag, bool gzipped)
{
	snprintf(out, 64, "\"%016" PRIx64 "%s\"", tag, gzipped ? "-gzip" : "");
}

static int
append(const char *data, size_t len, void *body)
{
	buf_add(body, data, len);
	return 0;
}

/* Takes the value over. */
static int
write_value(struct reply *r, json_t *value, struct err *err)
{
	int rc = value ? json_dump_callback(value, append, &r->body, SHAPE_FLAGS) : -1;

	json_decref(value);
	return rc || r->body.failed ? err_nomem(err) : 0;
}

int
reply_problem(struct reply *r, int status, const char *word, const char *format, ...)
{
	struct err ignored;
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	reply_clear(r);
	r->status = status;
	r->type = TYPE_PROBLEM;
	write_value(r,
	    json_pack("{ss+, ss, si, so}", "type", "urn:testr:problem:", word, "title", word, "status",
		status, "detail", shape_text(slice_str(text ? text : word))),
	    &ignored);
	free(text);
	return 0;
}

int
reply_json(struct reply *r, json_t *value, struct err *err)
{
	int rc = write_value(r, value, err);

	buf_byte(&r->body, '\n');
	return rc;
}

void
reply_list(struct reply *r, const char *key)
{
	r->list = r->first = true;
	if (r->ndjson)
		r->type = TYPE_NDJSON;
	else
		buf_printf(&r->body, "{\"%s\": [", key);
}

int
reply_item(struct reply *r, json_t *value, struct err *err)
{
	int rc;

	if (!r->ndjson)
		buf_str(&r->body, r->first ? "\n" : ",\n");
	r->first = false;
	rc = write_value(r, value, err);
	if (r->ndjson)
		buf_byte(&r->body, '\n');
	return rc;
}

bool
reply_full(const struct reply *r)
{
	return r->body.len >= REPLY_PAGE;
}

/* The same request with another cursor. */
static void
link_next(struct reply *r, const struct request *request, const char *next)
{
	struct buf link;

	buf_init(&link, 4 * REQUEST_TARGET_MAX);
	buf_byte(&link, '<');
	buf_slice(&link, request->path);
	buf_str(&link, "?cursor=");
	request_encode(&link, slice_str(next));
	for (size_t i = 0; i < request->param_count; i++) {
		if (slice_eq(request->params[i].key, SLICE_LIT("cursor")))
			continue;
		buf_byte(&link, '&');
		request_encode(&link, request->params[i].key);
		buf_byte(&link, '=');
		request_encode(&link, request->params[i].value);
	}
	buf_str(&link, ">; rel=\"next\"");
	if (!link.failed)
		reply_header(r, "Link", "%.*s", SLICE_FMT(buf_get(&link)));
	buf_release(&link);
}

int
reply_list_end(struct reply *r, const struct request *request, const char *next, struct err *err)
{
	int rc = 0;

	if (next)
		link_next(r, request, next);
	if (!r->ndjson) {
		buf_str(&r->body, r->first ? "],\n\"next\": " : "\n],\n\"next\": ");
		rc = write_value(r, next ? json_string(next) : json_null(), err);
		buf_str(&r->body, "}\n");
	}
	return rc || r->body.failed ? err_nomem(err) : 0;
}
