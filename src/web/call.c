/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"
#include "choice.h"

#include <stdlib.h>

/* What of a value is repeated in an error. */
#define SHOWN_MAX 100

static int
bad_param(struct reply *out, const char *key, struct slice value, const char *wanted)
{
	reply_problem(out, 400, "bad-parameter", "the parameter \"%s\" is \"%.*s\"; it has to be %s", key,
	    SLICE_FMT(slice_head(value, SHOWN_MAX)), wanted);
	return 1;
}

int
call_number(const struct call *call, struct reply *out, const char *key, int64_t *number)
{
	struct slice text = request_param(call->request, key);
	int64_t n;

	if (!text.data)
		return 0;
	if (!slice_int(text, &n) || n < 0)
		return bad_param(out, key, text, "a number, 0 or more");
	*number = n;
	return 0;
}

int
call_limit(const struct call *call, struct reply *out, int64_t *limit)
{
	*limit = LIMIT_DEFAULT;
	if (call_number(call, out, "limit", limit))
		return 1;
	if (*limit < 1 || *limit > LIMIT_MAX)
		return bad_param(out, "limit", request_param(call->request, "limit"), "from 1 to 1000");
	return 0;
}

int
call_time(const struct call *call, struct reply *out, const char *key, int64_t *time)
{
	struct slice text = request_param(call->request, key);
	int64_t t;

	if (!text.data)
		return 0;
	if (text.len == 0 || time_parse(text, true, &t) != text.len)
		return bad_param(out, key, text, "a time, such as 2026-01-31T12:00:00Z");
	*time = t;
	return 0;
}

static int
find_word(struct slice words, struct slice word)
{
	struct slice w;

	for (int i = 0; slice_word(&words, &w); i++)
		if (slice_eq(w, word))
			return i;
	return -1;
}

static int
bad_word(struct reply *out, const char *key, struct slice value, const char *words)
{
	reply_problem(out, 400, "bad-parameter", "the parameter \"%s\" is \"%.*s\"; it has to be one of: %s",
	    key, SLICE_FMT(slice_head(value, SHOWN_MAX)), words);
	return 1;
}

int
call_word(const struct call *call, struct reply *out, const char *key, const char *words, int *index)
{
	struct slice text = request_param(call->request, key);
	int i;

	if (!text.data)
		return 0;
	i = find_word(slice_str(words), text);
	if (i < 0)
		return bad_word(out, key, text, words);
	*index = i;
	return 0;
}

int
call_words(const struct call *call, struct reply *out, const char *key, const char *words, unsigned *set)
{
	struct slice text = request_param(call->request, key), word;
	unsigned found = 0;

	if (!text.data)
		return 0;
	while (slice_split(&text, ',', &word)) {
		int i = find_word(slice_str(words), word);

		if (i < 0)
			return bad_word(out, key, word, words);
		found |= 1u << i;
	}
	*set = found;
	return 0;
}

struct back {
	int64_t left; /* how many ended runs to pass by */
	int64_t id;   /* -1 until it is found */
};

static int
step_back(void *context, const struct repo_run *run, struct err *err)
{
	struct back *b = context;

	(void)err;
	if (b->left-- == 0)
		b->id = run->id;
	return 0;
}

/* "-1" is the latest run, as for the command line. */
static int
find_back(struct repo *repo, int64_t n, int64_t *id, struct err *err)
{
	struct repo_query query = {.since = TIME_NONE,
	    .until = TIME_NONE,
	    .states = 1u << REPO_FINISHED | 1u << REPO_INTERRUPTED,
	    .no_probes = true,
	    .newest_first = true,
	    .limit = n};
	struct back b = {n - 1, -1};

	if (n > 0 && n <= 100000 && repo_runs_where(repo, &query, step_back, &b, err) < 0)
		return -1;
	*id = b.id;
	return 0;
}

struct uid_match {
	struct slice prefix;
	int64_t id;
	size_t count;
};

static int
match_uid(void *context, const struct repo_run *run, struct err *err)
{
	struct uid_match *m = context;

	(void)err;
	if (slice_starts(slice_str(run->uid), m->prefix)) {
		m->id = run->id;
		m->count++;
	}
	return 0;
}

static int
find_uid(struct repo *repo, struct slice text, int64_t *id, struct err *err)
{
	struct uid_match m = {text, -1, 0};

	if (text.len == 32) {
		char uid[33] = "";

		memcpy(uid, text.data, 32);
		return repo_find_uid(repo, uid, id, err);
	}
	if (text.len >= 4 && text.len < 32 && repo_runs(repo, match_uid, &m, err) < 0)
		return -1;
	*id = m.count == 1 ? m.id : -1;
	return 0;
}

int
call_run(const struct call *call, struct reply *out, size_t at, struct repo_run *run, struct err *err)
{
	struct slice text = call->match->parts[at];
	int64_t n, id = -1;
	int rc = 0;

	if (slice_eq(text, SLICE_LIT("latest")))
		rc = repo_latest(call->repo, &id, err);
	else if (slice_int(text, &n) && text.len < 19 && (n || text.data[0] == '0'))
		rc = n < 0 ? find_back(call->repo, -n, &id, err) : ((id = n), 0);
	else
		rc = find_uid(call->repo, text, &id, err);
	if (rc == 0)
		rc = repo_run_find(call->repo, id, run, err);
	if (rc)
		return rc > 0 ? 0 : -1;
	reply_problem(out, 404, "no-such-run",
	    "there is no run \"%.*s\"; a run is named by its id, \"latest\", or a number such as -2 back from the latest",
	    SLICE_FMT(slice_head(text, SHOWN_MAX)));
	return 1;
}

/* The hash of "h:" and sixteen digits, as sent: an id that looks like that has its ':' written as %3A. */
static bool
read_hash(struct slice text, uint64_t *out)
{
	uint64_t hash = 0;

	if (text.len != 18 || !slice_starts(text, SLICE_LIT("h:")))
		return false;
	for (size_t i = 2; i < 18; i++) {
		const char *digits = "0123456789abcdef", *digit = strchr(digits, text.data[i]);

		if (!digit || !*digit)
			return false;
		hash = hash << 4 | (uint64_t)(digit - digits);
	}
	*out = hash;
	return true;
}

struct hash_match {
	uint64_t hash;
	char *id;
};

static int
match_hash(void *context, struct slice name, struct err *err)
{
	struct hash_match *m = context;

	if (m->id || call_test_hash(name) != m->hash)
		return 0;
	m->id = slice_dup(name);
	return m->id ? 0 : err_nomem(err);
}

uint64_t
call_test_hash(struct slice id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < id.len; i++)
		hash = (hash ^ id.data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

int
call_test(const struct call *call, struct reply *out, size_t at, char **id, struct err *err)
{
	struct hash_match m = {0};

	if (!read_hash(call->match->raw[at], &m.hash)) {
		*id = slice_dup(call->match->parts[at]);
		return *id ? 0 : err_nomem(err);
	}
	if (repo_tests(call->repo, match_hash, &m, err) < 0) {
		free(m.id);
		return -1;
	}
	*id = m.id;
	return m.id ? 0 : call_no_test(out);
}

int
call_no_test(struct reply *out)
{
	reply_problem(out, 404, "no-such-test",
	    "no test is named so; /api/v1/tests?q=TEXT finds those that have a text in their ids");
	return 1;
}

int
call_rows_cursor(const struct call *call, struct reply *out, struct repo_rows_query *query)
{
	struct slice text = request_param(call->request, "cursor");
	size_t dot = slice_find(text, '.');
	int64_t attempt;

	if (!text.data)
		return 0;
	if (!slice_int(slice_head(text, dot), &query->after_place) ||
	    !slice_int(slice_from(text, dot + 1), &attempt) || attempt < 1 || attempt > INT32_MAX ||
	    query->after_place < 1) {
		reply_problem(out, 400, "bad-cursor", "the cursor is none that this server has given");
		return 1;
	}
	query->after_attempt = (int)attempt;
	return 0;
}

int
call_meta(const struct call *call, struct reply *out, struct repo_query *query)
{
	for (size_t i = 0; i < call->request->param_count; i++) {
		const struct request_param *p = &call->request->params[i];

		if (!slice_starts(p->key, SLICE_LIT("meta.")))
			continue;
		if (query->meta_key.data) {
			reply_problem(out, 400, "bad-parameter", "only one parameter \"meta.…\" is possible");
			return 1;
		}
		query->meta_key = slice_from(p->key, 5);
		query->meta_value = p->value.len ? p->value : SLICE_NONE;
	}
	return 0;
}

int
call_choice(const struct call *call, struct reply *out, struct choice *choice, struct err *err)
{
	struct slice value = request_param(call->request, "profile");
	struct err unknown;
	char *name;
	int rc;

	choice_init(choice, call->repo);
	if (!value.data)
		return 0;
	name = slice_dup(value);
	if (!name)
		return err_nomem(err);
	/* Behind the '?' a '+' that is not encoded is a space, which no tag has. */
	for (char *c = name; *c; c++)
		*c = *c == ' ' ? '+' : *c;
	rc = choice_add_named(choice, slice_str(name), &unknown);
	free(name);
	if (rc == 0)
		return 0;
	if (unknown.kind != ERR_USAGE) {
		*err = unknown;
		return -1;
	}
	reply_problem(out, 400, "bad-parameter", "%s", unknown.text);
	return 1;
}

json_t *
call_row_json(struct choice *choice, const struct repo_row *row, enum verdict verdict)
{
	json_t *object = shape_row(row, verdict);

	if (!object || !choice->profiled ||
	    json_object_set_new(object, "profile", shape_profile(choice_of_tags(choice, row->tags))) == 0)
		return object;
	json_decref(object);
	return NULL;
}
