/* SPDX-License-Identifier: Apache-2.0
 *
 * The one reader of subunit streams: it is fed bytes in any pieces and asked for the next event. Pure.
 *
 * At each position it tells a v2 packet from v1 from other bytes. Only a packet that is whole and right is
 * taken; after anything else the scan goes on at the very next byte, so that a 0xB3 in printed text or a
 * damaged packet costs nothing but itself. Other bytes are handed on as EVENT_TEXT as soon as they cannot be
 * the start of a packet (or, where v1 is read, of a directive).
 *
 * Invariant: the events (neighbouring text joined) depend on the bytes alone, never on the pieces they came
 * in; the bytes of all events' `raw`, in a stream without v1, joined, are the stream. Memory is bounded by
 * READER_HELD_MAX + the largest piece, and what the tags of one packet, or the id and the details of one v1
 * test, need beside.
 *
 *     while ((n = read(fd, reader_space(r, &room), room)) > 0) {
 *             reader_commit(r, n);
 *             while ((rc = reader_next(r, &e)) > 0)
 *                     …
 *     }
 *     reader_end(r);  and drain once more */
#ifndef READER_H
#define READER_H

#include "event.h"
#include "packet.h"

enum reader_mode {
	/* v2 packets and text: what a v2 tool reads. */
	READER_V2,
	/* v1 lines and text, by the rules of the v1 reference (mended as v1_reader.h says), all directives
	 * with or without colons: what subunit-1to2 reads. v2 packets are recognised all the same, outside
	 * the details of a v1 test, and passed on as packets. */
	READER_V1,
	/* Both, for streams of unknown origin. v1 directives need their colon here ("testing connection" is
	 * text), and are text while a v2 test is in progress (its last packet was not final). After a packet,
	 * v1 begins again only with a "test:" or a well-formed "time:" line. */
	READER_AUTO,
	/* As READER_AUTO until the first packet, as READER_V2 from then on: what one process says. */
	READER_PROCESS,
	/* The events of the Python reader, faults and all, including the two "subunit.parser" events for a
	 * bad packet and what it swallows. Where that reader dies the stream ends. For comparison only. */
	READER_STRICT,
};

/* The most that is held back undecided: one packet, or one v1 line or attachment piece. */
#define READER_HELD_MAX ((size_t)PACKET_MAX + 1)
/* Text is handed on in pieces of at most this many bytes (as the reference does). */
#define READER_TEXT_MAX ((size_t)1048576)

struct reader;

/* NULL when out of memory. */
struct reader *reader_new(enum reader_mode mode);
/* Accepts NULL. */
void reader_free(struct reader *r);

/* Room for the next bytes of the stream, at least 64 KiB, of which *room says how much; NULL when out of
 * memory. Slices of earlier events end to be valid. */
uint8_t *reader_space(struct reader *r, size_t *room);
/* Counts `len` bytes, which were written to that room, as read. */
void reader_commit(struct reader *r, size_t len);
/* Both at once for bytes at hand, of any length: returns 0, or -1 when out of memory. */
int reader_feed(struct reader *r, const void *data, size_t len);
/* The stream has ended: what is held back can only be text now. */
void reader_end(struct reader *r);

/* The next event: 1 and *out, whose slices are valid until the next call on r; 0 when more bytes are needed,
 * or after reader_end when all has been given; -1 when out of memory. */
int reader_next(struct reader *r, struct event *out);

/* Tells the reader that the stream has been silent for as long as its writer could reasonably pause inside a
 * packet: if a whole and right packet lies inside what is held back as the possible start of another, that
 * other one is given up as text. Returns true when reader_next has something now. */
bool reader_idle(struct reader *r);

/* How many times bytes looked like a packet up to the checksum and were not: damaged packets, or very
 * unlikely text; and the offset of the first. */
uint64_t reader_damaged(const struct reader *r, uint64_t *first_offset);

/* READER_STRICT: the exception by which the Python reader would have died, as it prints it; NULL when it
 * would not, and in the other modes. */
const char *reader_died(const struct reader *r);

/* READER_V1 when the bytes, the beginning of a stream, hold a v1 "test:" or well-formed "time:" line and no
 * v2 packet; READER_V2 otherwise. */
enum reader_mode reader_guess(struct slice beginning);

#endif
