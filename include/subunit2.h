/* SPDX-License-Identifier: Apache-2.0
 *
 * libsubunit2: subunit, the stream of test results, for C and C++.
 *
 * A test program tells what happens to its tests, one call each:
 *
 *     subunit2_emit(1, "math.sum", SUBUNIT2_INPROGRESS, NULL);
 *     subunit2_emit(1, "math.sum", SUBUNIT2_FAIL, "1 + 1 is 3\n");
 *
 * A tool turns bytes into events (subunit2_decoder), events into results of tests (subunit2_tests), and events
 * into bytes (subunit2_encode, subunit2_writer); subunit2_filter is made of these.
 *
 * The rules of all of it:
 *
 * * Functions that can fail return a negative code of enum subunit2_error; what they give out is written only
 *   on success. Those that make an object return NULL when memory is short or an argument is wrong. Those that
 *   free accept NULL.
 * * A stream that is damaged is no error: see subunit2_decoder_next.
 * * Texts are UTF-8 without NUL (README of subunit, "UTF-8 strings"); the content of files is any bytes.
 * * Times are nanoseconds since 1970-01-01T00:00:00Z.
 * * There is no state outside the objects. Different objects may be used by different threads at once; one
 *   object by one thread at a time. No signal handler is set and no descriptor is closed or changed.
 * * Structs whose first member is `size` may grow at their end in a later version; their _init function sets
 *   it. Enums may gain members. Everything else stays as it is as long as the soname does. */
#ifndef SUBUNIT2_H
#define SUBUNIT2_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __GNUC__
#define SUBUNIT2_API __attribute__((visibility("default")))
#else
#define SUBUNIT2_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors ---- */

enum subunit2_error {
	SUBUNIT2_OK = 0,
	SUBUNIT2_ERROR_MEMORY = -1,   /* out of memory */
	SUBUNIT2_ERROR_ARGUMENT = -2, /* an argument makes no sense: a struct that no _init prepared, … */
	SUBUNIT2_ERROR_TEXT = -3,     /* an id, tag, name, type or route is not UTF-8, or holds NUL */
	SUBUNIT2_ERROR_TIME = -4,     /* the time is before 1970 or after 2106, which packets cannot say */
	SUBUNIT2_ERROR_LONG =
	    -5, /* more than fits: texts and tags beyond 4 MiB, or the limit that is named */
	SUBUNIT2_ERROR_SPACE = -6,  /* the caller's buffer is too small */
	SUBUNIT2_ERROR_SYSTEM = -7, /* a system call failed; errno says how */
	SUBUNIT2_ERROR_STOPPED = -8 /* a function of the caller's asked to stop */
};

/* A few words for people, in English, never NULL, also for numbers that are no error. */
SUBUNIT2_API const char *subunit2_strerror(int error);

/* ---- Words ---- */

/* What became of a test. The numbers are those of the wire (README of subunit, "status"). */
enum subunit2_status {
	SUBUNIT2_NONE = 0, /* says nothing: the event is about something else */
	SUBUNIT2_EXISTS = 1,
	SUBUNIT2_INPROGRESS = 2,
	SUBUNIT2_SUCCESS = 3, /* this and those below end a test */
	SUBUNIT2_UXSUCCESS = 4,
	SUBUNIT2_SKIP = 5,
	SUBUNIT2_FAIL = 6,
	SUBUNIT2_XFAIL = 7
};

/* "exists", "inprogress", …; NULL for SUBUNIT2_NONE and what is no status. */
SUBUNIT2_API const char *subunit2_status_name(enum subunit2_status status);

#define SUBUNIT2_NO_TIME INT64_MIN

/* The time of day, of the system's clock. */
SUBUNIT2_API int64_t subunit2_now(void);

/* Bytes that belong to somebody else: never terminated, never to be freed. `data` is NULL when there is none
 * of it, which is not the same as an empty one. */
struct subunit2_slice {
	const char *data;
	size_t len;
};

/* A slice of a terminated string; NULL gives one with `data` NULL. */
static inline struct subunit2_slice
subunit2_string(const char *s)
{
	struct subunit2_slice slice;

	slice.data = s;
	slice.len = s ? strlen(s) : 0;
	return slice;
}

/* ---- What a test program says ---- */

/* The longest id that the two functions below take, in bytes. */
#define SUBUNIT2_EMIT_ID_MAX 2048

/* Tells one thing about a test, now: that it exists, has begun (SUBUNIT2_INPROGRESS) or has ended so. `text`
 * says why and may be NULL; it becomes the attachment "reason" of SUBUNIT2_SKIP and "traceback" of all others,
 * as Python's unittest has them. Bytes in the id that are not UTF-8 become U+FFFD.
 *
 * `fd` is the descriptor that whoever started the program reads: standard output, 1, unless told otherwise.
 * What printf holds back is not in it yet: fflush(stdout) first where order matters.
 *
 * No packet is longer than 4096 bytes, PIPE_BUF on Linux (a long text takes several), and each goes out by one
 * write(). So packets of threads, and of processes that share a pipe or a file opened to append, never mix.
 * The call allocates nothing and may follow fork() in any process. A full pipe is waited for, also on a
 * non-blocking descriptor. When nobody reads, SIGPIPE arrives as usual or the error is EPIPE.
 *
 * SUBUNIT2_ERROR_ARGUMENT without an id, _LONG above SUBUNIT2_EMIT_ID_MAX, _SYSTEM when writing failed. */
SUBUNIT2_API int subunit2_emit(int fd, const char *id, enum subunit2_status status, const char *text);

/* Attaches `len` bytes to a test that has begun: a log, a picture. Repeated calls with one name add to it.
 * `mime` is their type, such as "text/plain;charset=utf8"; NULL means unknown bytes. Name and type have to be
 * UTF-8 of at most 256 bytes each, SUBUNIT2_ERROR_TEXT and _LONG otherwise; the rest is as for subunit2_emit. */
SUBUNIT2_API int subunit2_emit_file(
    int fd, const char *id, const char *name, const char *mime, const void *data, size_t len);

/* ---- Events ---- */

enum subunit2_kind {
	SUBUNIT2_PACKET = 0, /* a packet, or what a stream of version 1 says in its own words */
	SUBUNIT2_TEXT = 1    /* bytes between packets: in `file`, under the file name "stdout" */
};

/* One event. What is absent has `data` NULL, SUBUNIT2_NO_TIME or `tags` NULL. */
struct subunit2_event {
	size_t size;
	enum subunit2_kind kind;
	enum subunit2_status status;
	int runnable; /* the id can be asked for to run this test: 1 or 0 */
	int eof;      /* nothing more comes for this file: 1 or 0 */
	struct subunit2_slice id;
	struct subunit2_slice route;
	struct subunit2_slice mime;
	struct subunit2_slice file_name; /* absent exactly when `file` is */
	struct subunit2_slice file;      /* a piece of a file, in the order of the stream */
	const struct subunit2_slice *tags;
	size_t tag_count;
	int64_t time;
	/* Set by the decoder only: the bytes of the event as they came (none for version 1), and the place of
	 * the first of them in the stream. */
	struct subunit2_slice raw;
	uint64_t offset;
};

SUBUNIT2_API void subunit2_event_init_size(struct subunit2_event *event, size_t size);
/* Everything absent, runnable: to be called once before any other use. Copies of an event need no call. */
static inline void
subunit2_event_init(struct subunit2_event *event)
{
	subunit2_event_init_size(event, sizeof(*event));
}

/* ---- Bytes to events ---- */

enum subunit2_input {
	SUBUNIT2_INPUT_V2 = 0, /* packets and text */
	SUBUNIT2_INPUT_V1 = 1, /* version 1, its colons optional, and packets */
	SUBUNIT2_INPUT_ANY = 2 /* both, for streams of unknown origin */
};

struct subunit2_decoder;

SUBUNIT2_API struct subunit2_decoder *subunit2_decoder_new(enum subunit2_input input);
SUBUNIT2_API void subunit2_decoder_free(struct subunit2_decoder *decoder);

/* Gives it the next bytes of the stream, in pieces of any length. */
SUBUNIT2_API int subunit2_decoder_feed(struct subunit2_decoder *decoder, const void *data, size_t len);
/* The same without a copy: room of at least 64 KiB to read into, NULL when out of memory, … */
SUBUNIT2_API void *subunit2_decoder_space(struct subunit2_decoder *decoder, size_t *out_room);
/* … of which `len` bytes were filled. */
SUBUNIT2_API int subunit2_decoder_commit(struct subunit2_decoder *decoder, size_t len);
/* The stream has ended: what is held back can only be text now. */
SUBUNIT2_API void subunit2_decoder_end(struct subunit2_decoder *decoder);

/* The next event: 1 and *out, 0 when it needs more bytes (after subunit2_decoder_end: when there are no more
 * events). What *out points to is the decoder's, and stays until the next call for it.
 *
 * Only a packet that is whole and right in every part is a packet. Anything else, a damaged packet too, comes
 * as SUBUNIT2_TEXT, and the search goes on at its next byte: nothing is lost or swallowed. The events,
 * neighbouring text joined, do not depend on the pieces that the bytes came in, and joining `raw` of all of
 * them gives the stream back (version 1 apart). Memory is bounded by about twice the longest packet, 4 MiB. */
SUBUNIT2_API int subunit2_decoder_next(struct subunit2_decoder *decoder, struct subunit2_event *out);

/* Feeds it from a descriptor as needed: 1 and *out, or 0 at the end of the stream. Waits for bytes. Where a
 * non-blocking descriptor has none it fails with SUBUNIT2_ERROR_SYSTEM and errno EAGAIN, and can be called again. */
SUBUNIT2_API int subunit2_decoder_read(struct subunit2_decoder *decoder, int fd, struct subunit2_event *out);

/* How many packets were right but for their checksum, so far, and where the first of them begins; without any,
 * *out_offset is left alone. */
SUBUNIT2_API uint64_t subunit2_decoder_damaged(const struct subunit2_decoder *decoder, uint64_t *out_offset);

/* ---- Events to bytes ---- */

/* Writes the packet for an event to the buffer, without allocating, and its length to *out_len. What is absent
 * is left out; `kind`, `raw` and `offset` do not matter. A file that does not fit one packet is split over
 * several: the status, if it ends the test, and eof go on the last, any other status on the first, all else on
 * all. With SUBUNIT2_ERROR_SPACE *out_len is the length that is needed, so a NULL buffer of size 0 asks for it. */
SUBUNIT2_API int subunit2_encode(
    const struct subunit2_event *event, void *buffer, size_t size, size_t *out_len);

/* Takes bytes of a stream. Returns 0 when all were taken, anything else to stop. */
typedef int (*subunit2_write_fn)(void *context, const void *data, size_t len);

/* Gathers packets and passes them on when there are 64 KiB of them, or when flushed. */
struct subunit2_writer;

SUBUNIT2_API struct subunit2_writer *subunit2_writer_new(subunit2_write_fn write, void *context);
/* One that writes to a descriptor, which stays the caller's. */
SUBUNIT2_API struct subunit2_writer *subunit2_writer_new_fd(int fd);
/* What was not flushed is dropped. */
SUBUNIT2_API void subunit2_writer_free(struct subunit2_writer *writer);

/* Adds the packets for an event, by the rules of subunit2_encode. */
SUBUNIT2_API int subunit2_writer_event(struct subunit2_writer *writer, const struct subunit2_event *event);
/* Adds bytes as they are: the `raw` of an event that need not change. */
SUBUNIT2_API int subunit2_writer_bytes(struct subunit2_writer *writer, const void *data, size_t len);
/* Passes on what was gathered. After SUBUNIT2_ERROR_SYSTEM or _STOPPED, from here or from the calls above,
 * what was gathered is gone, perhaps cut inside a packet; a decoder finds the next one. */
SUBUNIT2_API int subunit2_writer_flush(struct subunit2_writer *writer);

/* ---- Events to results ---- */

/* An attachment of a result, its pieces joined. This struct will not grow. */
struct subunit2_file {
	struct subunit2_slice name;
	struct subunit2_slice mime; /* absent when no packet had one */
	struct subunit2_slice content;
	uint64_t left_out; /* so many bytes were left out of the middle, for want of room, */
	size_t cut;        /* at this place of `content` */
};

/* What became of one test. */
struct subunit2_result {
	size_t size;
	enum subunit2_status status; /* SUBUNIT2_INPROGRESS or _NONE for a test that never ended */
	struct subunit2_slice id;
	struct subunit2_slice route;
	int64_t start, stop;               /* SUBUNIT2_NO_TIME when unknown */
	const struct subunit2_slice *tags; /* sorted, each once */
	size_t tag_count;
	const struct subunit2_file *files; /* sorted by name; empty ones leave no trace */
	size_t file_count;
	uint64_t offset, end; /* in the stream: of its first event, and behind its last one */
};

SUBUNIT2_API void subunit2_result_init_size(struct subunit2_result *result, size_t size);
/* To be called once before any other use. */
static inline void
subunit2_result_init(struct subunit2_result *result)
{
	subunit2_result_init_size(result, sizeof(*result));
}

/* Puts the events of each test together. A test is an id and a route; its first event opens it (SUBUNIT2_EXISTS
 * does not), a status that ends it closes it, and a later event opens the next of that name. Its tags are those
 * of its last event that had any. These are the rules of the reference implementation. */
struct subunit2_tests;

/* At most `file_max` bytes of attachments are kept of one test; with more, the longest lose their middle. */
SUBUNIT2_API struct subunit2_tests *subunit2_tests_new(size_t file_max);
SUBUNIT2_API void subunit2_tests_free(struct subunit2_tests *tests);

/* Takes an event: 1 and *out when it ends a test, else 0. What *out points to stays until the next call. */
SUBUNIT2_API int subunit2_tests_event(
    struct subunit2_tests *tests, const struct subunit2_event *event, struct subunit2_result *out);
/* After the last event: 1 and *out for the next test that never ended, or 0 when there are no more. */
SUBUNIT2_API int subunit2_tests_open(struct subunit2_tests *tests, struct subunit2_result *out);

/* ---- Filters ---- */

/* Which tests to keep, and their tags. After its _init all are kept as they are. What it points to has to stay
 * as long as the filter; the lists of tags end in NULL, and may be NULL. */
struct subunit2_rules {
	size_t size;
	unsigned
	    outcomes; /* those to keep, 1u << SUBUNIT2_FAIL | …; a test that did not end counts as failed */
	int drop_text;                   /* 1: drop also what belongs to no test, text above all */
	const char *const *with_tags;    /* keep only tests that have all of these */
	const char *const *without_tags; /* and none of these */
	/* And, unless NULL, those for which this returns 1; 0 drops, a negative number stops. */
	int (*wants)(void *context, const struct subunit2_result *result);
	void *context;
	const char *const *remove_tags; /* of the tests that are kept */
	const char *const *add_tags;
};

SUBUNIT2_API void subunit2_rules_init_size(struct subunit2_rules *rules, size_t size);
static inline void
subunit2_rules_init(struct subunit2_rules *rules)
{
	subunit2_rules_init_size(rules, sizeof(*rules));
}

/* Writes a test as packets when it ends. At most 64 MiB of its attachments are kept. The rest of the stream
 * passes as it came; events with SUBUNIT2_EXISTS are dropped. */
struct subunit2_filter;

/* The writer stays the caller's, who flushes it. SUBUNIT2_ERROR_TEXT of the calls below means a tag to add that is
 * not UTF-8, _STOPPED that `wants` or the writer's function asked for it. */
SUBUNIT2_API struct subunit2_filter *subunit2_filter_new(
    const struct subunit2_rules *rules, struct subunit2_writer *writer);
SUBUNIT2_API void subunit2_filter_free(struct subunit2_filter *filter);

SUBUNIT2_API int subunit2_filter_event(struct subunit2_filter *filter, const struct subunit2_event *event);
/* After the last event: writes the tests that never ended, as failures. */
SUBUNIT2_API int subunit2_filter_end(struct subunit2_filter *filter);

#ifdef __cplusplus
}
#endif

#endif
