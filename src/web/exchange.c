/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include "api.h"
#include "assets.h"
#include "cache.h"
#include "follow.h"
#include "token.h"
#include "upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

/* Shorter bodies are sent as they are. */
#define GZIP_MIN ((size_t)512)
/* Speed counts more than the last tenth of the size. */
#define GZIP_LEVEL 4

/* No script, style or picture of anybody else, nothing inline, in nobody's frame. */
#define PAGE_POLICY \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';" \
	" base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
/* What came out of a test does nothing at all. */
#define HOSTILE_POLICY "sandbox; default-src 'none'; frame-ancestors 'none'"

enum state {
	AT_HEAD,   /* nothing was looked at yet */
	READY,     /* for a worker */
	RECEIVING, /* a body, piece by piece */
	GATHERING, /* a body, as a whole */
	AT_WORK,
	REFUSED, /* or answered by the way: there is a reply, which is not finished */
	ANSWERED,
};

struct exchange {
	struct job job;
	struct exchange_place *place;
	struct MHD_Connection *connection;
	enum state state;
	struct request request;
	const char *wrong; /* with the target */
	struct route_match match;
	unsigned scopes; /* what the client may do, as far as that was asked */
	const char *last_event, *none_match, *if_match, *range;
	char who[TOKEN_NAME_MAX];
	bool gzip; /* the client takes it */
	struct reply reply;
	uint64_t from, end; /* of a file, what is sent */
	struct upload *upload;
	struct buf piece; /* of a body, for the worker */
	bool last,
	    passed; /* there is no further piece; the reply is decided, and the rest of the body is passed by */
	size_t target_len;
	uint8_t storage[]; /* the target, then what it says */
};

void *
exchange_begin(void *place, const char *target, struct MHD_Connection *connection)
{
	size_t len = strlen(target);
	struct exchange *x = calloc(1, sizeof(*x) + 2 * len + 1);

	if (!x)
		return NULL;
	x->place = place;
	x->connection = connection;
	x->target_len = len;
	x->wrong = request_parse(&x->request, slice_of(target, len), x->storage);
	reply_init(&x->reply);
	buf_init(&x->piece, UPLOAD_PIECE);
	return x;
}

static void
exchange_free(struct exchange *x)
{
	if (x->upload)
		atomic_fetch_sub(&x->place->uploads, 1);
	upload_free(x->upload);
	buf_release(&x->piece);
	reply_release(&x->reply);
	free(x);
}

static void
abandon_run(struct job *job, struct worker *worker)
{
	(void)worker;
	exchange_free((struct exchange *)job);
}

/* A run that was cut off is stored so, which may take a while. */
void
exchange_end(
    void *place, struct MHD_Connection *connection, void **exchange, enum MHD_RequestTerminationCode how)
{
	struct exchange *x = *exchange;

	(void)place;
	(void)how;
	*exchange = NULL;
	if (!x)
		return;
	heads_next(&x->place->heads, connection);
	x->job.run = abandon_run;
	if (!x->upload || !jobs_add(x->place->jobs, &x->job, 0))
		exchange_free(x);
}

static const char *
header(struct exchange *x, const char *name)
{
	return x->place->mhd->MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

/* ---- checks ---- */

static bool
is_host(struct slice host, struct slice name)
{
	return host.len == name.len &&
	       strncasecmp((const char *)host.data, (const char *)name.data, host.len) == 0;
}

/* True when it is a name that we are called by: otherwise a page of somebody else may have made its own name lead
 * here, to read what only this machine may read. */
static bool
is_ours(const struct exchange_place *place, struct slice host)
{
	struct slice names = slice_str(place->options->hosts), name;

	if (!*place->host)
		return true;
	if (!host.data)
		return false;
	while (slice_split(&names, ',', &name))
		if (is_host(host, slice_trim(name)))
			return true;
	if (is_host(host, slice_str(place->host)))
		return true;
	return place->loopback &&
	       (is_host(host, SLICE_LIT("localhost")) || is_host(host, SLICE_LIT("127.0.0.1")) ||
		   is_host(host, SLICE_LIT("[::1]")));
}

/* A browser names the page that asks. */
static bool
is_foreign(struct exchange *x, struct slice host)
{
	struct slice origin = slice_str(header(x, "Origin"));
	size_t at = slice_search(origin, SLICE_LIT("://"));

	return origin.data && !slice_eq(slice_from(origin, at + 3), host);
}

/* True when the client may do what that scope allows; otherwise the reply says why not. */
static bool
is_allowed(struct exchange *x, unsigned wanted)
{
	struct exchange_place *place = x->place;
	const char *authorization = header(x, "Authorization");
	struct err err;

	if (place->loopback || place->options->open)
		x->scopes |= TOKEN_READ;
	if (authorization || !(x->scopes & wanted)) {
		if (tokens_refresh(&place->tokens, &err) < 0)
			place->options->warn(place->options->context, err.text);
		x->scopes |= tokens_scopes(&place->tokens, authorization, x->who);
	}
	if (x->scopes & wanted)
		return true;
	reply_problem(&x->reply, authorization ? 403 : 401, "token-needed",
	    "this needs a token that may %s; `testr serve --token-file` names the file of those that are known",
	    wanted == TOKEN_WRITE ? "write" : "read");
	if (x->reply.status == 401)
		reply_header(&x->reply, "WWW-Authenticate", "Bearer realm=\"testr\"");
	return false;
}

/* A page is named by its first part: "/run/17" is run.html, which finds the rest in its own address. */
static const struct asset *
find_page(const struct request *r)
{
	const struct asset *found = r->segment_count == 0 ? asset_find(SLICE_LIT("index.html")) : NULL;
	struct buf name;

	if (r->segment_count == 0)
		return found;
	if (r->segment_count == 1)
		found = asset_find(r->segments[0]);
	if (!found && slice_find(r->segments[0], '.') == r->segments[0].len) {
		buf_init(&name, REQUEST_TARGET_MAX);
		buf_slice(&name, r->segments[0]);
		buf_str(&name, ".html");
		found = asset_find(buf_get(&name));
		buf_release(&name);
	}
	return found;
}

/* What clients call methods. */
static const struct {
	unsigned method;
	const char *name;
} methods[] = {{METHOD_GET, "GET"}, {METHOD_GET, "HEAD"}, {METHOD_POST, "POST"}, {METHOD_PUT, "PUT"},
    {METHOD_DELETE, "DELETE"}};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

static unsigned
method_of(const char *name)
{
	for (size_t i = 0; i < METHODS; i++)
		if (strcmp(methods[i].name, name) == 0)
			return methods[i].method;
	return 0;
}

static void
refuse_method(struct reply *out, const char *method, unsigned possible)
{
	struct buf allowed;

	buf_init(&allowed, 64);
	for (size_t i = 0; i < METHODS; i++)
		if (possible & methods[i].method)
			buf_printf(&allowed, "%s%s", allowed.len ? ", " : "", methods[i].name);
	reply_problem(out, 405, "wrong-method", "this path does not answer to %.20s", method);
	reply_header(out, "Allow", "%.*s", SLICE_FMT(buf_get(&allowed)));
	buf_release(&allowed);
}

/* True when the request may go on; otherwise the reply says why not. Pages are the program's: they have nothing of the
 * repository in them, and one asks for the token. */
static bool
check(struct exchange *x, const char *method)
{
	struct slice host = slice_str(header(x, "Host"));
	struct reply *out = &x->reply;
	unsigned known = method_of(method);
	struct slice unknown;

	if (!is_ours(x->place, request_host(host))) {
		reply_problem(out, 421, "wrong-host",
		    "this server is not called \"%.*s\"; --host tells it a further name",
		    SLICE_FMT(slice_head(host, 200)));
	} else if (is_foreign(x, host)) {
		reply_problem(out, 403, "foreign-origin", "requests from other sites are not answered");
	} else if ((x->wrong || !find_page(&x->request)) && !is_allowed(x, TOKEN_READ)) {
		return false;
	} else if (x->wrong) {
		reply_problem(out, 400, "bad-request", "the path of the request is wrong: %s", x->wrong);
	} else if (!route_find(api_routes, api_route_count, known, &x->request, &x->match)) {
		if (!x->match.methods)
			return true;
		refuse_method(out, method, x->match.methods);
	} else if ((unknown = route_unknown_param(x->match.route, &x->request)).data) {
		reply_problem(out, 400, "unknown-parameter",
		    "there is no parameter \"%.*s\" here; there are: %s", SLICE_FMT(slice_head(unknown, 100)),
		    *x->match.route->params ? x->match.route->params : "none");
	} else {
		return known == METHOD_GET || is_allowed(x, TOKEN_WRITE);
	}
	return false;
}

/* ---- the pages ---- */

static void
serve_page(struct exchange *x, const char *method)
{
	const struct asset *asset = find_page(&x->request);
	struct reply *out = &x->reply;

	if (!asset) {
		reply_problem(
		    out, 404, "no-such-path", "there is nothing here; /api/v1 has links to what there is");
		return;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		refuse_method(out, method, METHOD_GET);
		return;
	}
	out->type = asset->type;
	out->gzipped = x->gzip;
	buf_add(&out->body, x->gzip ? asset->gzip : asset->bytes, x->gzip ? asset->gzip_len : asset->len);
}

/* ---- the reply ---- */

static void
compress_body(struct reply *r)
{
	z_stream z = {0};
	struct buf packed;
	uint8_t *room;
	size_t bound;

	/* 16 more than the window asks for the header of gzip. */
	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	bound = deflateBound(&z, r->body.len);
	buf_init(&packed, bound);
	room = buf_space(&packed, bound);
	z.next_in = r->body.data;
	z.avail_in = (uInt)r->body.len;
	z.next_out = room;
	z.avail_out = (uInt)bound;
	if (room && deflate(&z, Z_FINISH) == Z_STREAM_END) {
		buf_commit(&packed, bound - z.avail_out);
		buf_release(&r->body);
		r->body = packed;
		r->gzipped = true;
	} else {
		buf_release(&packed);
	}
	deflateEnd(&z);
}

/* A tag of what the body says. */
static void
tag_body(struct exchange *x)
{
	struct reply *r = &x->reply;
	char tag[64];

	reply_tag(tag, r->tag ? r->tag : slice_hash(0, buf_get(&r->body)), r->gzipped);
	reply_header(r, "ETag", "%s", tag);
}

/* Without its body when the client has it already. */
static void
spare_body(struct exchange *x)
{
	struct reply *r = &x->reply;
	bool reads = !x->match.route || x->match.route->method == METHOD_GET;

	for (size_t i = 0; reads && r->status == 200 && x->none_match && i < r->header_count; i++)
		if (strcmp(r->headers[i].name, "ETag") == 0 &&
		    request_tag_matches(x->none_match, slice_str(r->headers[i].value))) {
			r->status = 304;
			buf_clear(&r->body);
		}
}

static void
finish_reply(struct exchange *x)
{
	struct reply *r = &x->reply;
	int ranged;

	if (r->follow || r->status == 204)
		return;
	if (r->fd < 0) {
		if (x->gzip && !r->gzipped && r->body.len >= GZIP_MIN)
			compress_body(r);
		if (r->status == 200)
			tag_body(x);
		return;
	}
	x->end = r->size;
	reply_header(r, "Accept-Ranges", "bytes");
	ranged = r->status == 200 ? request_range(x->range, r->size, &x->from, &x->end) : 0;
	if (ranged > 0) {
		r->status = 206;
		reply_header(r, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, x->from,
		    x->end - 1, r->size);
	} else if (ranged < 0) {
		uint64_t size = r->size;

		reply_problem(r, 416, "bad-range", "there are only %" PRIu64 " bytes", size);
		reply_header(r, "Content-Range", "bytes */%" PRIu64, size);
	}
}

/* What decides what the reply is: target and form. */
static struct slice
cache_key(const struct exchange *x, struct buf *out)
{
	buf_byte(out, x->reply.ndjson ? 'n' : 'j');
	buf_byte(out, x->gzip ? 'z' : '-');
	buf_slice(out, slice_of(x->storage, x->target_len));
	return out->failed ? SLICE_NONE : buf_get(out);
}

/* The reply by the handler, or as it was before if nothing has changed. A stamp of 0 is none. */
static int
make_reply(struct exchange *x, struct worker *worker, struct err *err)
{
	struct call call = {.web = x->place->web,
	    .request = &x->request,
	    .match = &x->match,
	    .repo = worker->repo,
	    .last_event = x->last_event,
	    .if_match = x->if_match,
	    .who = x->who,
	    .body = buf_get(&x->piece),
	    .options = x->place->options,
	    .scopes = x->scopes};
	uint64_t stamp = 0;
	struct slice key;
	struct buf text;
	int rc;

	buf_init(&text, REQUEST_TARGET_MAX + 8);
	key = cache_key(x, &text);
	rc = worker->cache && key.data && x->match.route->method == METHOD_GET && !x->match.route->fleeting
		 ? repo_stamp(worker->repo, &stamp, err)
		 : 0;
	if (rc == 0 && !(stamp && cache_find(worker->cache, key, stamp, &x->reply))) {
		rc = x->match.route->handler(&call, &x->reply, err);
		if (rc >= 0)
			finish_reply(x);
		if (rc >= 0 && stamp && x->reply.status == 200 && x->reply.fd < 0 && !x->reply.follow)
			cache_keep(worker->cache, key, stamp, &x->reply);
	}
	buf_release(&text);
	return rc < 0 ? -1 : 0;
}

/* In a worker. */
static void
exchange_run(struct job *job, struct worker *worker)
{
	struct exchange *x = (struct exchange *)job;
	struct err err;

	if (worker->stopping) {
		reply_problem(&x->reply, 503, "stopping", "the server is being stopped");
	} else if (!worker_repo(worker, &err) || make_reply(x, worker, &err) < 0) {
		x->place->options->warn(x->place->options->context, err.text);
		worker_drop_repo(worker);
		reply_problem(&x->reply, 500, "failed", "%s", err.text);
	}
	spare_body(x);
	x->state = ANSWERED;
	x->place->mhd->MHD_resume_connection(x->connection);
}

static void
wake(void *context)
{
	struct exchange *x = context;

	x->place->mhd->MHD_resume_connection(x->connection);
}

static ssize_t
read_events(void *context, uint64_t at, char *out, size_t room)
{
	struct exchange *x = context;
	ssize_t n = follow_read(x->reply.follow, out, room);

	(void)at;
	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0) {
		x->place->mhd->MHD_suspend_connection(x->connection);
		if (!follow_wait(x->reply.follow)) {
			x->place->mhd->MHD_resume_connection(x->connection);
			return MHD_CONTENT_READER_END_OF_STREAM;
		}
	}
	return n;
}

/* The body of the reply as libmicrohttpd has it; the reply has it no longer. */
static struct MHD_Response *
make_response(struct exchange *x)
{
	struct reply *r = &x->reply;
	struct MHD_Response *response;
	size_t len;
	char *body;

	if (r->follow) {
		follow_attach(r->follow, x->place->jobs, wake, x);
		return x->place->mhd->MHD_create_response_from_callback(
		    MHD_SIZE_UNKNOWN, 16384, read_events, x, NULL);
	}
	if (r->fd >= 0) {
		response =
		    x->place->mhd->MHD_create_response_from_fd_at_offset64(x->end - x->from, r->fd, x->from);
		if (response)
			r->fd = -1;
		return response;
	}
	len = r->body.len;
	body = buf_steal(&r->body);
	response =
	    body ? x->place->mhd->MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE) : NULL;
	if (!response)
		free(body);
	return response;
}

static enum MHD_Result
send_reply(struct exchange *x)
{
	struct reply *r = &x->reply;
	struct MHD_Response *response = make_response(x);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (r->status != 204 && r->status != 304)
		x->place->mhd->MHD_add_response_header(response, "Content-Type", r->type);
	if (r->gzipped)
		x->place->mhd->MHD_add_response_header(response, "Content-Encoding", "gzip");
	x->place->mhd->MHD_add_response_header(response, "Vary", "Accept, Accept-Encoding");
	x->place->mhd->MHD_add_response_header(
	    response, "Cache-Control", r->immutable ? "private, max-age=86400" : "private, no-cache");
	x->place->mhd->MHD_add_response_header(
	    response, "Content-Security-Policy", r->hostile ? HOSTILE_POLICY : PAGE_POLICY);
	x->place->mhd->MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	x->place->mhd->MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	x->place->mhd->MHD_add_response_header(
	    response, "Cross-Origin-Resource-Policy", r->shared ? "cross-origin" : "same-origin");
	for (size_t i = 0; i < r->header_count; i++)
		x->place->mhd->MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
	result = x->place->mhd->MHD_queue_response(x->connection, (unsigned)r->status, response);
	x->place->mhd->MHD_destroy_response(response);
	return result;
}

static void
read_headers(struct exchange *x)
{
	const char *accept = header(x, "Accept");

	x->gzip = request_accepts(header(x, "Accept-Encoding"), "gzip");
	x->reply.ndjson = request_accepts(accept, "application/x-ndjson");
	x->none_match = header(x, "If-None-Match");
	x->if_match = header(x, "If-Match");
	x->range = header(x, "Range");
	x->last_event = header(x, "Last-Event-ID");
}

static bool
has_body(struct exchange *x)
{
	const char *length = header(x, "Content-Length");

	return header(x, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

static enum MHD_Result
give_to_worker(struct exchange *x, void (*run)(struct job *job, struct worker *worker))
{
	x->state = AT_WORK;
	x->job.run = run;
	x->place->mhd->MHD_suspend_connection(x->connection);
	if (!jobs_add(x->place->jobs, &x->job, 0)) {
		reply_problem(&x->reply, 503, "stopping", "the server is being stopped");
		x->state = ANSWERED;
		x->place->mhd->MHD_resume_connection(x->connection);
	}
	return MHD_YES;
}

/* ---- a body ---- */

/* False when a parameter is wrong, or there are too many at this time. */
static bool
begin_upload(struct exchange *x)
{
	const struct call call = {.request = &x->request};
	struct upload_spec spec = {.repository = x->place->options->repository,
	    .tokens = &x->place->tokens,
	    .key = slice_str(header(x, "Idempotency-Key"))};
	int partial = 0;

	x->state = REFUSED;
	if (call_word(&call, &x->reply, "partial", "false true", &partial))
		return false;
	spec.partial = partial != 0;
	if (atomic_fetch_add(&x->place->uploads, 1) < UPLOAD_COUNT_MAX)
		x->upload = upload_new(&spec);
	if (x->upload) {
		x->state = RECEIVING;
		return true;
	}
	atomic_fetch_sub(&x->place->uploads, 1);
	reply_problem(&x->reply, 503, "busy", "too many runs are being sent at this time");
	reply_header(&x->reply, "Retry-After", "5");
	return false;
}

/* In a worker. */
static void
upload_run(struct job *job, struct worker *worker)
{
	struct exchange *x = (struct exchange *)job;
	struct err err;
	int rc;

	if (worker->stopping)
		rc = err_set(&err, ERR_FAILED, "the server is being stopped");
	else
		rc = x->last ? upload_end(x->upload, &x->reply, &err)
			     : upload_piece(x->upload, buf_get(&x->piece), &x->reply, &err);
	if (rc < 0) {
		x->place->options->warn(x->place->options->context, err.text);
		reply_problem(&x->reply, err.kind == ERR_NO_ROOM ? 507 : 500, "failed", "%s", err.text);
	}
	x->passed = rc != 0;
	x->state = x->last ? ANSWERED : RECEIVING;
	if (x->last)
		finish_reply(x);
	x->place->mhd->MHD_resume_connection(x->connection);
}

/* A piece of the body, or its end. */
static enum MHD_Result
receive(struct exchange *x, const char *body, size_t *body_len)
{
	x->last = *body_len == 0;
	if (x->passed && x->last) {
		finish_reply(x);
		return send_reply(x);
	}
	if (!x->passed) {
		size_t len = *body_len < UPLOAD_PIECE ? *body_len : UPLOAD_PIECE;

		buf_clear(&x->piece);
		buf_add(&x->piece, body, len);
		*body_len -= len;
		return give_to_worker(x, upload_run);
	}
	*body_len = 0;
	return MHD_YES;
}

/* A piece of a body that a handler gets as a whole, or its end. */
static enum MHD_Result
gather(struct exchange *x, const char *body, size_t *body_len)
{
	if (*body_len) {
		buf_add(&x->piece, body, *body_len);
		*body_len = 0;
		return MHD_YES;
	}
	if (!x->piece.failed)
		return give_to_worker(x, exchange_run);
	reply_problem(&x->reply, 413, "too-large", "a body here has at most %zu bytes", UPLOAD_PIECE);
	x->state = ANSWERED;
	return send_reply(x);
}

/* ---- the head ---- */

/* The first call, after the head. What is refused while a body is on its way is said at once, which ends the
 * connection; otherwise an answer before the second call would end it for nothing. */
static enum MHD_Result
take_head(struct exchange *x, const char *method)
{
	bool body = has_body(x);

	heads_whole(&x->place->heads, x->connection);
	read_headers(x);
	x->state = REFUSED;
	if (!check(x, method))
		return body ? send_reply(x) : MHD_YES;
	if (x->match.route && !x->match.route->handler)
		return begin_upload(x) || !body ? MHD_YES : send_reply(x);
	if (x->match.route && x->match.route->body) {
		x->state = GATHERING;
		return MHD_YES;
	}
	if (body) {
		reply_problem(&x->reply, 413, "no-body", "no body is expected here");
		return send_reply(x);
	}
	if (x->match.route)
		x->state = READY;
	else
		serve_page(x, method);
	return MHD_YES;
}

enum MHD_Result
exchange_handle(void *place, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *body, size_t *body_len, void **exchange)
{
	struct exchange *x = *exchange;

	(void)place;
	(void)connection;
	(void)url;
	(void)version;
	if (!x)
		return MHD_NO;
	switch (x->state) {
	case AT_HEAD:
		return take_head(x, method);
	case READY:
		return give_to_worker(x, exchange_run);
	case RECEIVING:
		return receive(x, body, body_len);
	case GATHERING:
		return gather(x, body, body_len);
	case AT_WORK:
		return MHD_YES;
	case REFUSED:
		finish_reply(x);
		spare_body(x);
		break;
	case ANSWERED:
		break;
	}
	return send_reply(x);
}
