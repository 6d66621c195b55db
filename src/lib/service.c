/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include "convert.h"
#include "descriptor.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The most that is told in one packet; what is longer goes out in pieces. */
#define PIECE ((size_t)1 << 20)
#define CAPTURE_PIECE ((size_t)65536)

void
subunit2_suite_init_size(struct subunit2_suite *suite, size_t size)
{
	memset(suite, 0, size);
	suite->size = size;
}

static int
add_id(struct subunit2_server *s, size_t test)
{
	const char *id = s->suite.id(s->suite.context, test);
	struct buf mended;
	bool added = false;
	size_t at;

	if (!id)
		return SUBUNIT2_ERROR_ARGUMENT;
	buf_init(&mended, SIZE_MAX / 2);
	utf8_mend(&mended, slice_str(id));
	at = mended.failed ? STRTAB_NONE : strtab_add(&s->ids, buf_get(&mended), &added);
	buf_release(&mended);
	if (at == STRTAB_NONE)
		return SUBUNIT2_ERROR_MEMORY;
	return added ? 0 : SUBUNIT2_ERROR_ARGUMENT;
}

int
service_init(struct subunit2_server *s, const struct subunit2_suite *suite, int out)
{
	int rc = 0;

	*s = (struct subunit2_server){
	    .out = out, .owner = getpid(), .capture = -1, .current = SERVICE_NONE, .attempt = 1};
	buf_init(&s->pending, SIZE_MAX / 2);
	if (suite->size < sizeof(*suite) || !suite->id || (!suite->run && !suite->run_many))
		return SUBUNIT2_ERROR_ARGUMENT;
	s->suite = *suite;
	for (size_t i = 0; rc == 0 && i < suite->count; i++)
		rc = add_id(s, i);
	return rc;
}

void
service_release(struct subunit2_server *s)
{
	strtab_release(&s->ids);
	buf_release(&s->pending);
}

int
service_flush(struct subunit2_server *s)
{
	if (s->error == 0 && s->pending.failed)
		s->error = SUBUNIT2_ERROR_MEMORY;
	/* A child that was forked has all of this too, and none of it is its own to say. */
	if (s->error == 0 && s->pending.len && getpid() == s->owner) {
		s->error = descriptor_write(s->out, s->pending.data, s->pending.len);
		s->gone = s->error && (errno == EPIPE || errno == ECONNRESET);
	}
	buf_clear(&s->pending);
	if (s->error)
		s->stopped = true;
	return s->error;
}

/* ---- telling ---- */

static void
add(struct subunit2_server *s, struct event *e)
{
	int64_t now = subunit2_now();

	/* A clock that is wrong by decades is no reason to say nothing. */
	if (now >= 0 && now / TIME_SECOND <= UINT32_MAX)
		e->time = now;
	if (e->id.data && s->tag_count) {
		e->tags = s->tags;
		e->tag_count = s->tag_count;
	}
	if (packet_encode(&s->pending, e) < 0 && s->error == 0)
		s->error = convert_encode_error(e);
}

static void
tell(struct subunit2_server *s, struct slice id, enum status status)
{
	struct event e;

	event_init(&e);
	e.id = id;
	e.status = status;
	add(s, &e);
}

/* Of the test that runs, or of none. */
static void
add_file(struct subunit2_server *s, struct slice name, struct slice mime, struct slice content)
{
	do {
		struct event e;

		event_init(&e);
		if (s->current != SERVICE_NONE)
			e.id = strtab_get(&s->ids, s->current);
		e.file_name = name;
		e.mime = mime;
		e.file = slice_head(content, PIECE);
		add(s, &e);
		content = slice_from(content, PIECE);
		if (s->pending.len >= PIECE)
			service_flush(s);
	} while (content.len);
}

/* Tells what was printed since. */
static void
take_printed(struct subunit2_server *s)
{
	uint8_t piece[CAPTURE_PIECE];
	struct stat st;
	off_t at = 0;
	ssize_t n;

	if (s->capture < 0 || getpid() != s->owner)
		return;
	fflush(stdout);
	if (fstat(s->capture, &st) || st.st_size == 0)
		return;
	while (at < st.st_size && (n = pread(s->capture, piece, sizeof(piece), at)) > 0) {
		add_file(
		    s, SLICE_LIT("stdout"), SLICE_LIT("text/plain;charset=utf8"), slice_of(piece, (size_t)n));
		at += n;
	}
	/* It is written at its end, wherever that is. */
	if (ftruncate(s->capture, 0) && s->error == 0)
		s->error = SUBUNIT2_ERROR_SYSTEM;
}

void
service_exists(struct subunit2_server *s, size_t test)
{
	tell(s, strtab_get(&s->ids, test), STATUS_EXISTS);
	if (s->pending.len >= CAPTURE_PIECE)
		service_flush(s);
}

void
service_unknown(struct subunit2_server *s, struct slice id)
{
	struct event e;

	event_init(&e);
	e.id = id;
	e.status = STATUS_FAIL;
	e.file_name = SLICE_LIT("reason");
	e.mime = SLICE_LIT("text/plain;charset=utf8");
	e.file = SLICE_LIT("There is no test with this id here. List the tests to see which there are.\n");
	e.eof = true;
	tell(s, id, STATUS_INPROGRESS);
	add(s, &e);
}

/* ---- what programs call ---- */

int
subunit2_server_attach(
    struct subunit2_server *s, const char *name, const char *mime, const void *data, size_t len)
{
	if (!name || (!data && len))
		return SUBUNIT2_ERROR_ARGUMENT;
	if (!convert_text_ok(slice_str(name)) || (mime && !convert_text_ok(slice_str(mime))))
		return SUBUNIT2_ERROR_TEXT;
	add_file(s, slice_str(name), slice_str(mime), slice_of(data, len));
	return service_flush(s);
}

int
subunit2_server_text(struct subunit2_server *s, const char *name, const char *text)
{
	if (!text)
		return SUBUNIT2_ERROR_ARGUMENT;
	return subunit2_server_attach(s, name, "text/plain;charset=utf8", text, strlen(text));
}

int64_t
subunit2_server_attempt(const struct subunit2_server *s)
{
	return s->attempt;
}

int
subunit2_server_stopped(const struct subunit2_server *s)
{
	return s->stopped;
}

/* The place of a test among those that are wanted and were not begun yet; usually it is the next. */
static size_t
find_wanted(const struct subunit2_server *s, size_t test)
{
	for (size_t k = 0; k < s->wanted_count; k++) {
		size_t i = (s->next + k) % s->wanted_count;

		if (s->wanted[i] == test && !s->begun[i])
			return i;
	}
	return SERVICE_NONE;
}

int
subunit2_server_begin(struct subunit2_server *s, size_t test)
{
	size_t at = s->current == SERVICE_NONE ? find_wanted(s, test) : SERVICE_NONE;

	if (at == SERVICE_NONE)
		return SUBUNIT2_ERROR_ARGUMENT;
	take_printed(s);
	s->begun[at] = true;
	s->next = at + 1;
	s->current = test;
	tell(s, strtab_get(&s->ids, test), STATUS_INPROGRESS);
	return service_flush(s);
}

int
subunit2_server_end(struct subunit2_server *s, enum subunit2_status status)
{
	static const char none[] = "The test ended without an outcome.\n";

	if (s->current == SERVICE_NONE)
		return SUBUNIT2_ERROR_ARGUMENT;
	take_printed(s);
	if (!status_is_final((enum status)status)) {
		status = SUBUNIT2_FAIL;
		add_file(s, SLICE_LIT("reason"), SLICE_LIT("text/plain;charset=utf8"),
		    slice_of(none, sizeof(none) - 1));
	}
	tell(s, strtab_get(&s->ids, s->current), (enum status)status);
	s->current = SERVICE_NONE;
	/* Otherwise the next test begins at once, or there is none, and it is told together with that. */
	if (s->many)
		service_flush(s);
	if (s->listen && getpid() == s->owner)
		s->listen(s->context);
	return s->error;
}

/* ---- running ---- */

void
service_run(struct subunit2_server *s, const size_t *tests, size_t count, bool *begun)
{
	s->wanted = tests;
	s->wanted_count = count;
	s->next = 0;
	s->begun = begun;
	s->many = s->suite.run_many != NULL;
	if (s->many && count && !s->stopped) {
		s->suite.run_many(s->suite.context, s, tests, count);
		if (s->current != SERVICE_NONE)
			subunit2_server_end(s, SUBUNIT2_NONE);
	}
	for (size_t i = 0; !s->many && i < count && !s->stopped; i++) {
		enum subunit2_status status = SUBUNIT2_NONE;

		if (subunit2_server_begin(s, tests[i]) == 0)
			status = s->suite.run(s->suite.context, s, tests[i]);
		if (s->current != SERVICE_NONE)
			subunit2_server_end(s, status);
	}
	take_printed(s);
	s->wanted_count = 0;
}
