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

/* Appends the attachment decoded to UTF-8 by its charset (utf-8, us-ascii, iso-8859-1 and their usual other
 * names; absent means ISO-8859-1). Undecodable bytes, and all non-ASCII bytes of an unknown charset, become
 * U+FFFD. Where bytes were left out, a line says how many. */
void detail_decode(struct buf *out, const struct detail *d);

/* Appends all attachments: "Binary content:" list, "Empty attachments:" list, then the texts, each `name:
 * {{{…}}}`, and last, bare, the one called `special` ("traceback" for failures; NULL for none). Appends
 * nothing when there is nothing. Ends in one newline otherwise. */
void details_text(struct buf *out, const struct detail *details, size_t count, const char *special);

/* Appends a MIME type as subunit v1 carries it: `type/sub;k=v,k2=v2`, parameters in the order they came. */
void mime_print_v1(struct buf *out, struct slice text);

/* Appends a MIME type as the reference prints it: `type/sub; k="v"; k2="v2"`, parameters sorted;
 * "application/octet-stream" when absent. */
void mime_print(struct buf *out, struct slice text);

#endif
