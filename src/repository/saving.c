/* SPDX-License-Identifier: Apache-2.0 */
#include "saving.h"

#include "run_packet.h"

#include <fcntl.h>
#include <unistd.h>

/* The smaller one is what the end of a small run takes. */
#define RESERVE_MAX ((off_t)1 << 20)
#define RESERVE_MIN ((off_t)128 << 10)
/* Beyond that it is forgotten who has a mark; a second one does no harm. */
#define MARKED_MAX ((size_t)1 << 20)

void
saving_init(struct saving *s)
{
	*s = (struct saving){.reserve = -1};
}

void
saving_end(struct saving *s)
{
	if (s->reserve >= 0)
		close(s->reserve);
	s->reserve = -1;
}

void
saving_release(struct saving *s)
{
	saving_end(s);
	strtab_release(&s->marked);
	packet_tags_release(&s->tags);
}

void
saving_reserve(struct saving *s, const struct file_dir *dir)
{
	s->reserve = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->reserve < 0)
		return;
	for (s->size = RESERVE_MAX; s->size >= RESERVE_MIN; s->size /= 2)
		if (posix_fallocate(s->reserve, 0, s->size) == 0)
			return;
	saving_end(s);
}

void
saving_start(struct saving *s, int stream, uint64_t size)
{
	s->on = true;
	if (s->reserve < 0 || ftruncate(s->reserve, s->size / 2))
		return;
	/* Whatever filled the disk may go on doing so, and would take what is only given back. */
	fallocate(stream, FALLOC_FL_KEEP_SIZE, (off_t)size, s->size / 2);
}

size_t
saving_whole(struct saving *s, struct slice packets, size_t size)
{
	struct event e;
	size_t at = 0, length;

	while (at < size &&
	       packet_probe(slice_from(slice_head(packets, size), at), &s->tags, &e, &length) == PACKET_WHOLE)
		at += length;
	return at;
}

/* What testr itself says of the run is short, and the run is not understood without it. */
static bool
is_ours(const struct event *e)
{
	return !e->id.data &&
	       (run_packet_is(e) || slice_eq(slice_head(e->file_name, 6), SLICE_LIT("testr ")));
}

/* True when the test, or the run for the absent id, has no mark yet. */
static bool
take_mark(struct saving *s, struct slice id)
{
	bool added;

	if (s->marked_bytes > MARKED_MAX) {
		strtab_release(&s->marked);
		s->marked = (struct strtab){0};
		s->marked_bytes = 0;
	}
	if (strtab_add(&s->marked, id.data ? id : SLICE_LIT(""), &added) == STRTAB_NONE)
		return false;
	s->marked_bytes += added ? id.len : 0;
	return added;
}

int
saving_encode(struct saving *s, struct buf *out, const struct event *e)
{
	struct event kept = *e;

	if (!e->file.len || is_ours(e))
		return packet_encode(out, e);
	kept.mime = kept.file_name = kept.file = SLICE_NONE;
	kept.eof = false;
	if (take_mark(s, e->id)) {
		kept.mime = SLICE_LIT("text/plain;charset=utf8");
		kept.file_name = e->file_name;
		kept.file = SLICE_LIT(SAVING_MARK);
		kept.eof = true;
	} else if (kept.status == STATUS_NONE) {
		return 0;
	}
	return packet_encode(out, &kept);
}

int
saving_rewrite(struct saving *s, struct buf *packets)
{
	struct buf kept;
	struct event e;
	size_t at = 0, length;
	int rc = 0;

	buf_init(&kept, packets->max);
	while (rc == 0 &&
	       packet_probe(slice_from(buf_get(packets), at), &s->tags, &e, &length) == PACKET_WHOLE) {
		rc = saving_encode(s, &kept, &e);
		at += length;
	}
	buf_release(packets);
	*packets = kept;
	return rc;
}
