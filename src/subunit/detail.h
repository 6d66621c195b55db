/* SPDX-License-Identifier: Apache-2.0
 *
 * The attachments of a test as text for people, in the reference's layout. Pure. */
#ifndef DETAIL_H
#define DETAIL_H

#include "buf.h"
#include "outcome.h"

/* A MIME type taken apart. Every text decodes: what is no MIME type is "application/octet-stream". */
struct mime {
	struct slice main, sub; /* "text", "plain" */
	struct slice charset;   /* cut at the first comma, quotes removed; absent when there is none */
};
struct mime mime_parse(struct slice text);

/* True when the attachment is text: the main type is "text". */
bool detail_is_text(const struct detail *d);

/* The chunks of the reference's v1 writer: pieces are gathered until they reach this many bytes. */
#define DETAIL_CHUNK ((size_t)65536)

/* Appends the bytes, with a line of at most DETAIL_NOTE_MAX bytes where some were left out that says how
 * many; in an attachment that is no text, without it. */
#define DETAIL_NOTE_MAX ((size_t)64)
void detail_noted(struct buf *out, const struct detail *d);

/* Gives fn all the bytes as they came, with that line where some were left out. 0, what fn returned when that
 * was not 0, or -1 when the store failed. */
int detail_pieces(const struct detail *d, piece_fn fn, void *context);

/* Appends the attachment decoded to UTF-8 by its charset (utf-8, us-ascii, iso-8859-1 and their usual other
 * names; absent means ISO-8859-1). Undecodable bytes, and all non-ASCII bytes of an unknown charset, become
 * U+FFFD. Where bytes were left out, a line says how many. 0; or -1, and `out` has failed, when out of memory
 * or when a store or the drain failed. The drain, which may be NULL, sees whole characters only. */
int detail_decode(struct buf *out, const struct detail *d, const struct drain *drain);

/* Appends all attachments: "Binary content:" list, "Empty attachments:" list, then the texts, each `name:
 * {{{…}}}`, and last, bare, the one called `special` ("traceback" for failures; NULL for none). Appends
 * nothing when there is nothing. Ends in one newline otherwise. Returns as detail_decode. */
int details_text(struct buf *out, const struct detail *details, size_t count, const char *special,
    const struct drain *drain);

/* Appends a MIME type as subunit v1 carries it: `type/sub;k=v,k2=v2`, parameters in the order they came. */
void mime_print_v1(struct buf *out, struct slice text);

/* Appends a MIME type as the reference prints it: `type/sub; k="v"; k2="v2"`, parameters sorted;
 * "application/octet-stream" when absent. */
void mime_print(struct buf *out, struct slice text);

#endif
