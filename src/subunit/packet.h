/* SPDX-License-Identifier: Apache-2.0
 *
 * One subunit v2 packet: bytes to event and back (grammar: README of subunit; what readers accept beyond it
 * is noted here). Pure. Invariant: packet_probe answers from the bytes alone, and the answer never changes
 * when more bytes follow, except from PACKET_PARTIAL to one of the other two. */
#ifndef PACKET_H
#define PACKET_H

#include "buf.h"
#include "event.h"

#define PACKET_SIGNATURE 0xB3
/* The longest packet: its length has to fit 22 bits. */
#define PACKET_MAX 4194303u
/* File content that surely fits one packet beside an id, tags and names of moderate length. */
#define PACKET_FILE_MAX ((size_t)3670016)

/* The flags after the signature, two bytes: version, what is there, status. */
enum packet_flag {
	PACKET_VERSION = 0x2000,
	PACKET_ID = 0x0800,
	PACKET_ROUTE = 0x0400,
	PACKET_TIME = 0x0200,
	PACKET_RUNNABLE = 0x0100,
	PACKET_TAGS = 0x0080,
	PACKET_FILE = 0x0040,
	PACKET_MIME = 0x0020,
	PACKET_EOF = 0x0010,
	PACKET_STATUS = 0x0007,
};

enum packet_state {
	PACKET_PARTIAL, /* could be the start of a packet; more bytes are needed to tell */
	PACKET_WHOLE,   /* a whole packet, right in every part */
	PACKET_NOT,     /* not a packet */
};

/* Storage for the tags of the last decoded packet. A zeroed one is empty. */
struct packet_tags {
	struct slice *items;
	size_t cap;
};
/* Makes room for `count` tags, also for 0. Returns 0, or -1 when out of memory. */
int packet_tags_reserve(struct packet_tags *tags, size_t count);
void packet_tags_release(struct packet_tags *tags);

/* Looks at bytes that begin with the signature. PACKET_WHOLE sets *length (at most PACKET_MAX) and fills
 * *out, whose slices point into `bytes` and whose tags live in `tags` until its next use. PACKET_NOT means
 * that some rule is broken: version not 2, a length below 8 or in four bytes, a part that reaches past the
 * end, text that is not UTF-8 or holds NUL, parts that do not add up to the length, or a wrong CRC. It is
 * said as early as the bytes at hand allow. Numbers longer than needed and the reserved bit 3 are accepted,
 * as every reader does. PACKET_PARTIAL sets *length to the bytes known to be needed. Returns -1 when out of
 * memory, else a packet_state. *out is written in any case. */
int packet_probe(struct slice bytes, struct packet_tags *tags, struct event *out, size_t *length);

/* A look at bytes that may be a packet, to be continued when more of them are there, at no cost for those
 * seen before. A zeroed one has seen nothing. `known` are bytes found to be good text, kept by the caller
 * from one look to another at the same bytes, and forgotten by it when these move. */
struct packet_scan {
	size_t at;     /* everything before it is right */
	size_t length; /* of the packet; 0 until it is known */
	size_t least;  /* the fewest bytes that the elements still to come can take */
	size_t tags_left;
	unsigned flags;
	unsigned pending; /* the flags of the elements still to come */
	struct slice known;
};

/* As packet_probe, of all but the checksum: PACKET_WHOLE says that everything before it is there and right,
 * and `bytes` may be up to four bytes short of *length. *out is filled when they are not. */
int packet_scan(struct packet_scan *scan, struct slice bytes, struct packet_tags *tags, struct event *out,
    size_t *length);
/* Compares the checksum of the bytes before it with the stored one, of which perhaps not all bytes are there. */
enum packet_state packet_sum(uint32_t crc, struct slice stored);

/* Appends the packet for e to out, numbers as short as possible. The fields written are those that are
 * present; `kind`, `raw` and `offset` are ignored. Absent tags and no tags are both written as no tag vector
 * only when e->tags is NULL. File content that does not fit is split over several packets: the status, if
 * final, and eof go on the last, any other status on the first; tags, MIME type, route and time on all.
 * Returns 0; -1 when it cannot be written (the other parts leave no room in a packet, the time is before 1970
 * or after 2106, out of memory): out is then as before. */
int packet_encode(struct buf *out, const struct event *e);

#endif
