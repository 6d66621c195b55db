/* SPDX-License-Identifier: Apache-2.0
 *
 * Which handler answers a request: a table of patterns. Pure.
 *
 * A pattern is a path whose parts are words or "{name}", which takes any one part that is not empty, or once
 * "{name...}", which takes all that the words behind it leave, at least one. Of the rows that fit, the first counts.
 * A row also names the parameters that its handler knows, so that a mistyped one is
 * an error and not a filter that is not there. */
#ifndef ROUTE_H
#define ROUTE_H

#include "request.h"

enum method {
	METHOD_GET = 1,
	METHOD_POST = 2,
	METHOD_PUT = 4,
	METHOD_DELETE = 8,
};

/* What a handler is called with; the business of web.h. */
struct call;
struct reply;
struct err;
typedef int (*route_fn)(struct call *call, struct reply *out, struct err *err);

struct route {
	enum method method;
	const char *pattern;
	const char *params; /* words; one that ends in '.' is a prefix, "*" stands for any other */
	route_fn handler;   /* NULL: a run is sent */
	bool body;          /* the handler gets the request's, which has at most UPLOAD_PIECE bytes */
	bool fleeting;      /* the answer depends on more than the repository and the request's target */
};

#define ROUTE_PARTS_MAX 4

struct route_match {
	const struct route *route;
	/* Of the "{name}" parts, in order: decoded (absent when it is of several segments), and as sent. */
	struct slice parts[ROUTE_PARTS_MAX], raw[ROUTE_PARTS_MAX];
	unsigned methods; /* when no row fits: those of rows whose pattern does */
};

/* `method` is 0 for one that no row can have. True with *out set; false when no row fits. */
bool route_find(const struct route *table, size_t count, unsigned method, const struct request *r,
    struct route_match *out);

/* The first parameter that the row does not know, or absent. */
struct slice route_unknown_param(const struct route *route, const struct request *r);

#endif
