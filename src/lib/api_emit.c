/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"
#include "descriptor.h"
#include "utf8.h"

/* POSIX demands less of PIPE_BUF, but this is what it is on Linux: see the header. */
#define EMIT_PACKET_MAX ((size_t)4096)
/* Of name and type of an attachment. */
#define EMIT_TEXT_MAX ((size_t)256)
/* The signature, flags and length, the time, the lengths of the texts and of the content, and the checksum. */
#define EMIT_FIXED_MAX ((size_t)(3 + 3 + 8 + 4 * 3 + 4))

/* Sends e in packets of at most EMIT_PACKET_MAX bytes: `file` in pieces, the status with the last of them. */
static int
send_event(int fd, const struct event *e)
{
	size_t room = EMIT_PACKET_MAX - EMIT_FIXED_MAX - e->id.len - e->mime.len - e->file_name.len, at = 0;
	uint8_t bytes[EMIT_PACKET_MAX];
	int rc;

	do {
		struct event part = *e;
		struct buf packet;
		bool last = e->file.len - at <= room;

		buf_over(&packet, bytes, sizeof(bytes));
		part.file = slice_head(slice_from(e->file, at), room);
		part.eof = e->eof && last;
		if (!last)
			part.status = STATUS_NONE;
		rc = packet_encode(&packet, &part);
		if (rc < 0)
			return convert_encode_error(&part);
		rc = descriptor_write(fd, packet.data, packet.len);
		at += part.file.len;
	} while (rc == 0 && at < e->file.len);
	return rc;
}

/* Sets the time and the id, mended in the caller's storage if it has to be, and sends the event. */
static int
send_about(int fd, const char *id, struct event *e)
{
	uint8_t storage[SUBUNIT2_EMIT_ID_MAX];
	struct buf mended;
	int64_t now = subunit2_now();

	if (!id)
		return SUBUNIT2_ERROR_ARGUMENT;
	e->id = slice_str(id);
	if (!utf8_valid(e->id)) {
		buf_over(&mended, storage, sizeof(storage));
		utf8_replace(&mended, e->id);
		if (mended.failed)
			return SUBUNIT2_ERROR_LONG;
		e->id = buf_get(&mended);
	}
	if (e->id.len > SUBUNIT2_EMIT_ID_MAX)
		return SUBUNIT2_ERROR_LONG;
	/* A clock that is wrong by decades is no reason to say nothing. */
	if (now >= 0 && now / TIME_SECOND <= UINT32_MAX)
		e->time = now;
	return send_event(fd, e);
}

int
subunit2_emit(int fd, const char *id, enum subunit2_status status, const char *text)
{
	struct event e;

	if ((unsigned)status > SUBUNIT2_XFAIL)
		return SUBUNIT2_ERROR_ARGUMENT;
	event_init(&e);
	e.status = (enum status)status;
	if (text && *text) {
		e.file_name = status == SUBUNIT2_SKIP ? SLICE_LIT("reason") : SLICE_LIT("traceback");
		e.mime = SLICE_LIT("text/plain;charset=utf8");
		e.file = slice_str(text);
		e.eof = true;
	}
	return send_about(fd, id, &e);
}

int
subunit2_emit_file(int fd, const char *id, const char *name, const char *mime, const void *data, size_t len)
{
	struct event e;

	if (!name || (!data && len))
		return SUBUNIT2_ERROR_ARGUMENT;
	event_init(&e);
	e.file_name = slice_str(name);
	e.mime = slice_str(mime);
	e.file = slice_of(data, len);
	if (e.file_name.len > EMIT_TEXT_MAX || e.mime.len > EMIT_TEXT_MAX)
		return SUBUNIT2_ERROR_LONG;
	if (!utf8_valid(e.file_name) || !utf8_valid(e.mime))
		return SUBUNIT2_ERROR_TEXT;
	return send_about(fd, id, &e);
}
