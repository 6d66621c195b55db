/* SPDX-License-Identifier: Apache-2.0 */
#include "v1_run.h"

#include "file.h"
#include "packet.h"
#include "replay.h"
#include "run_packet.h"

#include <inttypes.h>

/* A stream is handed on in pieces of about this size, and has room for one event beyond that. */
#define STREAM_PIECE ((size_t)64 << 10)
#define STREAM_MAX ((size_t)64 << 20)

/* FNV-1a. Part of what uids are: it must never change. */
static unsigned __int128
mix(unsigned __int128 h, const uint8_t *bytes, size_t len)
{
	const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;

	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * prime;
	return h;
}

static unsigned __int128
begin_hash(int64_t id)
{
	uint8_t bytes[sizeof(id)];

	for (size_t i = 0; i < sizeof(id); i++)
		bytes[i] = (uint8_t)(id >> (8 * i));
	return mix(((unsigned __int128)0x6c62272e07bb0142 << 64) + 0x62b821756295c58d, bytes, sizeof(bytes));
}

static void
write_uid(unsigned __int128 h, char out[33])
{
	for (size_t i = 0; i < 32; i++)
		out[i] = "0123456789abcdef"[(unsigned)(h >> (124 - 4 * i)) & 15];
	out[32] = '\0';
}

void
v1_run_uid_of(int64_t id, struct slice bytes, char out[33])
{
	write_uid(mix(begin_hash(id), bytes.data, bytes.len), out);
}

int
v1_run_uid(int fd, int64_t id, char out[33], struct err *err)
{
	uint8_t piece[65536];
	unsigned __int128 h = begin_hash(id);
	uint64_t at = 0;
	ssize_t n;

	for (; (n = file_read_at(fd, piece, sizeof(piece), at)) > 0; at += (uint64_t)n)
		h = mix(h, piece, (size_t)n);
	if (n < 0)
		return err_sys(err, "cannot read run %" PRId64, id);
	write_uid(h, out);
	return 0;
}

struct stream_walk {
	struct buf out;
	repo_text_fn fn;
	void *context;
};

static int
stream_out(struct stream_walk *walk, struct err *err)
{
	int rc = walk->out.failed ? err_nomem(err) : walk->fn(walk->context, buf_get(&walk->out), err);

	buf_clear(&walk->out);
	return rc;
}

static int
stream_event(void *context, const struct event *e, struct err *err)
{
	struct stream_walk *walk = context;
	struct event stored = *e;

	/* Text between results is nobody's here. */
	if (e->kind != EVENT_PACKET || !e->id.data)
		return 0;
	if (stored.time < 0 || stored.time / TIME_SECOND > UINT32_MAX)
		stored.time = TIME_NONE;
	if (packet_encode(&walk->out, &stored))
		return err_set(err, ERR_FAILED, "a result of the test \"%.*s\" is too large for a packet",
		    SLICE_FMT(slice_head(e->id, 200)));
	return walk->out.len >= STREAM_PIECE ? stream_out(walk, err) : 0;
}

int
v1_run_stream(int fd, const struct repo_run *run, repo_text_fn fn, void *context, struct err *err)
{
	struct stream_walk walk = {.fn = fn, .context = context};
	int rc = -1;

	buf_init(&walk.out, STREAM_MAX);
	if (run_packet_begin(&walk.out, run, NULL, 0, err) == 0 &&
	    replay_events(fd, 0, UINT64_MAX, READER_V1, stream_event, &walk, err) == 0 &&
	    run_packet_end(&walk.out, run, err) == 0)
		rc = stream_out(&walk, err);
	buf_release(&walk.out);
	return rc;
}
