/* SPDX-License-Identifier: Apache-2.0
 *
 * What handlers are called with, and how they read its parameters. */
#ifndef CALL_H
#define CALL_H

#include "reply.h"
#include "route.h"
#include "web.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

struct choice;

struct call {
	const struct web *web;
	const struct request *request;
	const struct route_match *match;
	struct repo *repo;      /* of the worker */
	const char *last_event; /* Last-Event-ID, or NULL */
	const char *if_match;   /* If-Match, or NULL */
	const char *who;        /* the name of the token, if it was asked for one; "" */
	struct slice body;      /* struct route */
	const struct web_options *options;
	unsigned scopes; /* what the client may do: enum token_scope */
};

/* Each of these is 0 when the value is there and right, or is not there and *out has the default; otherwise the
 * reply is a problem, and they return 1. */
int call_limit(const struct call *call, struct reply *out, int64_t *limit);
int call_number(const struct call *call, struct reply *out, const char *key, int64_t *number);
int call_time(const struct call *call, struct reply *out, const char *key, int64_t *time);
/* The index of the value among `words`, which are separated by spaces. */
int call_word(const struct call *call, struct reply *out, const char *key, const char *words, int *index);
/* Likewise for a list of words, separated by commas: a set of 1 << index. */
int call_words(const struct call *call, struct reply *out, const char *key, const char *words, unsigned *set);

/* The cursor of a page of results. */
int call_rows_cursor(const struct call *call, struct reply *out, struct repo_rows_query *query);
/* "meta.KEY=VALUE"; an empty value asks for the key alone. */
int call_meta(const struct call *call, struct reply *out, struct repo_query *query);

/* The profile that the parameter names, or all. choice_release is due in any case. 0; 1 when the reply is a problem;
 * -1. */
int call_choice(const struct call *call, struct reply *out, struct choice *choice, struct err *err);
/* shape_row with the profile, where there are profiles. NULL when out of memory. */
json_t *call_row_json(struct choice *choice, const struct repo_row *row, enum verdict verdict);

/* The run that part `at` of the path names: its id, "latest", "-1" and so on back from it, or the beginning of a
 * uid. 0; 1 when the reply is a problem; -1. */
int call_run(const struct call *call, struct reply *out, size_t at, struct repo_run *run, struct err *err);
/* The test that part `at` names: its id, or "h:" and the sixteen digits of its hash. An allocated text. 0, 1, -1
 * likewise. */
int call_test(const struct call *call, struct reply *out, size_t at, char **id, struct err *err);
/* Makes the reply say that there is no such test. Returns 1. */
int call_no_test(struct reply *out);
/* FNV-1a in 64 bits. */
uint64_t call_test_hash(struct slice id);

#endif
