/* SPDX-License-Identifier: Apache-2.0 */
#include "send.h"

#include "library.h"
#include "loop.h"

/* Its macros of the functions' names would break the members that are named so. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CURL_FUNCTIONS(X) \
	X(curl_easy_init) \
	X(curl_easy_setopt) \
	X(curl_easy_perform) \
	X(curl_easy_getinfo) \
	X(curl_easy_cleanup) \
	X(curl_easy_strerror) \
	X(curl_slist_append) \
	X(curl_slist_free_all)

/* What is kept of an answer. */
#define ANSWER_MAX ((size_t)4 << 20)
#define CONNECT_SECONDS 20L
/* Fewer than a byte a second for so long is a dead connection. */
#define SILENT_SECONDS 120L
#define FIRST_PAUSE (TIME_SECOND / 2)

struct curl {
	CURL_FUNCTIONS(LIBRARY_MEMBER)
};

struct sending {
	struct curl curl;
	CURL *handle;
	struct curl_slist *headers;
	int fd;
	uint64_t size, read;
	struct buf answer, url;
	char reason[CURL_ERROR_SIZE];
};

static size_t
give_body(char *to, size_t size, size_t count, void *context)
{
	struct sending *s = context;
	uint64_t left = s->size - s->read;
	size_t room = size * count < left ? size * count : (size_t)left;
	ssize_t n = room ? pread(s->fd, to, room, (off_t)s->read) : 0;

	if (n < 0 || (n == 0 && room))
		return CURL_READFUNC_ABORT;
	s->read += (uint64_t)n;
	return (size_t)n;
}

static int
rewind_body(void *context, curl_off_t offset, int origin)
{
	struct sending *s = context;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	s->read = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* What is too long says nothing that we look for. */
static size_t
take_answer(char *data, size_t size, size_t count, void *context)
{
	struct sending *s = context;

	buf_add(&s->answer, data, size * count);
	return size * count;
}

static int
add_header(struct sending *s, const char *text, struct err *err)
{
	struct curl_slist *more = s->curl.curl_slist_append(s->headers, text);

	if (!more)
		return err_nomem(err);
	s->headers = more;
	return 0;
}

static int
set_headers(struct sending *s, const char *token, struct err *err)
{
	struct buf text;
	int rc;

	if (add_header(s, "Content-Type: application/vnd.subunit-v2", err) < 0 ||
	    add_header(s, "Expect:", err) < 0)
		return -1;
	if (!token || !*token)
		return 0;
	buf_init(&text, 65536);
	buf_printf(&text, "Authorization: Bearer %s", token);
	rc = buf_cstr(&text) ? add_header(s, buf_cstr(&text), err) : err_nomem(err);
	buf_release(&text);
	return rc;
}

static void
set_options(struct sending *s, const char *socket_path)
{
	struct curl *c = &s->curl;
	CURL *h = s->handle;

	c->curl_easy_setopt(h, CURLOPT_URL, buf_cstr(&s->url));
	if (socket_path)
		c->curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	c->curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	c->curl_easy_setopt(h, CURLOPT_POST, 1L);
	c->curl_easy_setopt(h, CURLOPT_HTTPHEADER, s->headers);
	c->curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->size);
	c->curl_easy_setopt(h, CURLOPT_READFUNCTION, give_body);
	c->curl_easy_setopt(h, CURLOPT_READDATA, s);
	c->curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, rewind_body);
	c->curl_easy_setopt(h, CURLOPT_SEEKDATA, s);
	c->curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_answer);
	c->curl_easy_setopt(h, CURLOPT_WRITEDATA, s);
	c->curl_easy_setopt(h, CURLOPT_ERRORBUFFER, s->reason);
	c->curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	c->curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	c->curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
	c->curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
}

/* One try: 0, 1 when another one may succeed, -1 when none will. Either way err says why. */
static int
try_once(struct sending *s, int64_t *id, struct err *err)
{
	json_t *answer, *run;
	long status = 0;
	CURLcode code;
	int rc = 0;

	s->read = 0;
	s->reason[0] = '\0';
	buf_clear(&s->answer);
	code = s->curl.curl_easy_perform(s->handle);
	if (code != CURLE_OK) {
		err_set(err, ERR_FAILED, "%s", s->reason[0] ? s->reason : s->curl.curl_easy_strerror(code));
		return 1;
	}
	s->curl.curl_easy_getinfo(s->handle, CURLINFO_RESPONSE_CODE, &status);
	answer = json_loadb((const char *)s->answer.data, s->answer.len, 0, NULL);
	run = json_object_get(answer, "run");
	if (status / 100 == 2 && json_is_integer(run)) {
		*id = json_integer_value(run);
	} else {
		const char *detail = json_string_value(json_object_get(answer, "detail"));

		err_set(err, ERR_FAILED, "the server answers %ld%s%.500s", status, detail ? ": " : "",
		    detail ? detail : "");
		rc = status >= 500 || status == 409 || status == 429 ? 1 : -1;
	}
	json_decref(answer);
	return rc;
}

static void
timer_fired(void *done)
{
	*(bool *)done = true;
}

static void
pause_for(int64_t time)
{
	struct err ignored;
	struct loop *loop = loop_new(&ignored);
	bool done = false;
	struct loop_timer *timer = loop ? loop_timer_new(loop, timer_fired, &done) : NULL;

	if (timer) {
		loop_timer_set(timer, time);
		loop_run(loop, &done);
	}
	loop_timer_free(timer);
	loop_free(loop);
}

static int
open_body(struct sending *s, struct repo *repo, int64_t run, struct err *err)
{
	struct stat st;

	s->fd = repo_stream_open(repo, run, 0, UINT64_MAX, err);
	if (s->fd < 0)
		return -1;
	if (fstat(s->fd, &st))
		return err_sys(err, "cannot look at the stream of run %" PRId64, run);
	s->size = (uint64_t)st.st_size;
	return 0;
}

static int
prepare(struct sending *s, struct repo *repo, int64_t run, const char *to, const char *token, struct err *err)
{
	static const char *const names[] = {CURL_FUNCTIONS(LIBRARY_NAME)};
	bool local = strncmp(to, "unix:", 5) == 0;
	struct slice base = local ? SLICE_LIT("http://localhost") : slice_str(to);

	if (library_load("libcurl.so.4", "libcurl4", names, sizeof(names) / sizeof(*names), &s->curl, err) <
	    0)
		return -1;
	while (slice_ends(base, SLICE_LIT("/")))
		base = slice_head(base, base.len - 1);
	buf_slice(&s->url, base);
	buf_str(&s->url, "/api/v1/runs");
	s->handle = s->curl.curl_easy_init();
	if (!s->handle || !buf_cstr(&s->url))
		return err_nomem(err);
	if (open_body(s, repo, run, err) < 0 || set_headers(s, token, err) < 0)
		return -1;
	set_options(s, local ? to + 5 : NULL);
	return 0;
}

int
send_run(struct repo *repo, int64_t run, const char *to, const char *token, int64_t *id, struct err *err)
{
	struct sending s = {.fd = -1};
	int64_t pause = FIRST_PAUSE;
	int rc;

	buf_init(&s.answer, ANSWER_MAX);
	buf_init(&s.url, 8192);
	rc = prepare(&s, repo, run, to, token, err);
	for (int i = 0; rc == 0 && i < SEND_TRIES; i++) {
		if (i)
			pause_for(pause);
		pause *= 4;
		rc = try_once(&s, id, err);
		if (rc == 0)
			break;
		rc = rc > 0 && i + 1 < SEND_TRIES ? 0 : -1;
	}
	if (s.handle)
		s.curl.curl_easy_cleanup(s.handle);
	if (s.headers)
		s.curl.curl_slist_free_all(s.headers);
	if (s.fd >= 0)
		close(s.fd);
	buf_release(&s.answer);
	buf_release(&s.url);
	return rc < 0 ? err_wrap(err, "cannot send run %" PRId64 " to %.300s", run, to) : 0;
}
