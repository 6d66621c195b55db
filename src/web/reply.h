/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer in the making: status, headers, and a body that is in memory, in a file, or a run that goes on.
 *
 * A body in memory has at most REPLY_MAX bytes; whatever can be longer is a file. Errors are RFC 9457 documents.
 * Lists are JSON objects with one list, or the same items a line (NDJSON), as the client wants. */
#ifndef REPLY_H
#define REPLY_H

#include "request.h"
#include "shape.h"

#define REPLY_MAX ((size_t)32 << 20)
/* No further item is added to a page that has this many bytes. */
#define REPLY_PAGE ((size_t)1 << 20)
#define REPLY_HEADERS_MAX 6

struct follow;

struct reply {
	int status;
	const char *type; /* a constant */
	struct buf body;
	int fd; /* -1: the body is in memory. Owned */
	uint64_t size;
	struct follow *follow; /* the body is what it says. Owned */
	struct reply_header {
		const char *name;
		char *value; /* owned */
	} headers[REPLY_HEADERS_MAX];
	size_t header_count;
	uint64_t tag;   /* what the ETag is made from; 0: from the body */
	bool hostile;   /* somebody's bytes, of whatever type: not to be shown in our name */
	bool immutable; /* never changes under this path */
	bool shared;    /* pages of other sites may have it */
	bool gzipped;   /* the body is compressed already */

	bool ndjson;      /* a list is wanted a line an item */
	bool list, first; /* a list is being written */
};

void reply_init(struct reply *r);
void reply_release(struct reply *r);
/* Forgets everything but what the client wants. */
void reply_clear(struct reply *r);

/* An allocated value may be any UTF-8 without line ends. Too many headers are left out. */
void reply_header(struct reply *r, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The ETag of an answer, as it is or compressed. */
void reply_tag(char out[64], uint64_t tag, bool gzipped);

/* An error for the client in place of whatever is there: `word` names the kind, the text says what and what to do.
 * Returns 0. */
int reply_problem(struct reply *r, int status, const char *word, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A JSON value as the body, which takes it over; NULL means out of memory. */
int reply_json(struct reply *r, json_t *value, struct err *err);

/* A list: items up to reply_list_end, each taken over. */
void reply_list(struct reply *r, const char *key);
int reply_item(struct reply *r, json_t *value, struct err *err);
/* True when the page has all that a page may have. */
bool reply_full(const struct reply *r);
/* `next`: the cursor of the page after it, or NULL; it is in the body, and a link to that page in the headers. */
int reply_list_end(struct reply *r, const struct request *request, const char *next, struct err *err);

#endif
