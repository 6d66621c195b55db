/* SPDX-License-Identifier: Apache-2.0 */
#include "choosing.h"
#include "clock.h"
#include "config.h"
#include "inflate.h"
#include "profiles.h"
#include "reader.h"
#include "record.h"
#include "stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const enum arg args[] = {ARG_PARTIAL, ARG_FORCE_INIT, ARG_SUBUNIT, ARG_FULL_RESULTS, ARG_META,
    ARG_PROFILE, ARG_TAG, ARG_TO, ARG_NONE};

/* Text that comes before the first event waits until it is clear that the input is a subunit stream at all. */
#define WAITING_MAX ((size_t)1024 * 1024)

/* More workers than these are not told apart. */
#define WORKERS_MAX 4096

/* A worker that a stream names itself, by a tag. */
struct load_worker {
	unsigned stream;
	int64_t own;
	unsigned number; /* what it is called in the run */
};

struct load {
	struct cli *cli;
	size_t streams;
	struct load_worker *workers;
	size_t worker_count;
	struct record record;
	struct strtab tags;  /* that --tag and --profile add */
	struct slice *added; /* the same */
	struct buf waiting;  /* text, while nothing was recorded: the last of it */
	uint64_t left_out;   /* bytes of it that had no room */
	bool bytes;          /* there was any input */
	bool events;         /* and a packet in it */
};

/* One stream on its way from a descriptor to events. */
struct stream {
	int fd;
	unsigned number, worker; /* which it is; which worker's events are being stamped */
	const char *name;
	struct reader *reader;
	struct stamp stamp;
	struct inflate *inflate; /* once the first bytes are known */
	uint8_t bytes[65536];    /* as they were read, perhaps compressed */
};

static int
load_begin(struct load *l)
{
	struct event e;

	if (l->record.writer)
		return 0;
	if (record_begin(&l->record) < 0)
		return -1;
	if (!l->waiting.len)
		return 0;
	if (l->left_out)
		ui_warn(&l->cli->ui, "note: %llu bytes of output before the first event are left out",
		    (unsigned long long)l->left_out);
	event_init(&e);
	e.kind = EVENT_TEXT;
	e.file_name = SLICE_LIT("stdout");
	e.file = buf_get(&l->waiting);
	e.time = clock_realtime();
	return record_event(&l->record, &e, &l->cli->err);
}

static void
keep_waiting(struct load *l, struct slice text)
{
	size_t over = 0;

	if (text.len > WAITING_MAX) {
		l->left_out += text.len - WAITING_MAX;
		text = slice_from(text, text.len - WAITING_MAX);
	}
	if (l->waiting.len + text.len > WAITING_MAX)
		over = l->waiting.len + text.len - WAITING_MAX;
	l->left_out += over;
	buf_drop(&l->waiting, over);
	buf_slice(&l->waiting, text);
}

/* The number in the run of what is worker `own` of a stream: in a run of one stream the same, otherwise that
 * of the stream for its first one, and a new one for each other. */
static int
worker_number(struct load *l, unsigned stream, int64_t own, unsigned *out)
{
	struct load_worker *w;
	unsigned next = (unsigned)l->streams;
	bool first = true;

	for (size_t i = 0; i < l->worker_count; i++) {
		w = &l->workers[i];
		if (w->stream == stream && w->own == own) {
			*out = w->number;
			return 0;
		}
		first = first && w->stream != stream;
		next = w->number >= next ? w->number + 1 : next;
	}
	*out = l->streams > 1 ? (first ? stream : next) : own > UINT32_MAX ? stream : (unsigned)own;
	if (l->streams == 1 || l->worker_count == WORKERS_MAX)
		return 0;
	w = reallocarray(l->workers, l->worker_count + 1, sizeof(*w));
	if (!w)
		return err_nomem(&l->cli->err);
	l->workers = w;
	l->workers[l->worker_count++] = (struct load_worker){stream, own, *out};
	return 0;
}

/* The worker of a stream that does not say which is the stream's number. */
static int
stamp_load(struct load *l, struct stream *s, struct event *e)
{
	int64_t own = event_worker(e->tags, e->tag_count);
	unsigned number = s->number;

	if (own >= 0 && worker_number(l, s->number, own, &number) < 0)
		return -1;
	if (number != s->worker)
		stamp_worker(&s->stamp, number);
	s->worker = number;
	return stamp_event(&s->stamp, e, clock_realtime()) < 0 ? err_nomem(&l->cli->err) : 0;
}

static int
load_event(struct load *l, struct stream *s, struct event *e)
{
	l->bytes = true;
	if (e->kind == EVENT_TEXT && !l->record.writer) {
		keep_waiting(l, e->file);
		return 0;
	}
	l->events |= e->kind == EVENT_PACKET;
	if (stamp_load(l, s, e) < 0)
		return -1;
	return load_begin(l) < 0 ? -1 : record_event(&l->record, e, &l->cli->err);
}

static int
drain(struct load *l, struct stream *s)
{
	struct event e;
	int rc;

	while ((rc = reader_next(s->reader, &e)) > 0)
		if (load_event(l, s, &e) < 0)
			return -1;
	return rc < 0 ? err_nomem(&l->cli->err) : 0;
}

/* Reads until there are `least` bytes, or the input ends. Returns how many there are, or -1. */
static ssize_t
read_bytes(struct load *l, struct stream *s, size_t least)
{
	size_t len = 0;

	while (len < least) {
		ssize_t n = read(s->fd, s->bytes + len, sizeof(s->bytes) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(&l->cli->err, "cannot read %s", s->name);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* Takes the events that are in the next bytes. */
static int
take_bytes(struct load *l, struct stream *s, struct slice bytes)
{
	size_t written, room;

	do {
		uint8_t *space = reader_space(s->reader, &room);

		if (!space)
			return err_nomem(&l->cli->err);
		if (inflate_next(s->inflate, &bytes, space, room, &written) < 0)
			return err_set(
			    &l->cli->err, ERR_FAILED, "%s: the compressed data are damaged", s->name);
		reader_commit(s->reader, written);
		if (drain(l, s) < 0)
			return -1;
	} while (bytes.len || written == room);
	return 0;
}

static int
read_stream(struct load *l, struct stream *s)
{
	uint64_t damaged, at;
	ssize_t n = read_bytes(l, s, INFLATE_MAGIC);

	if (n < 0)
		return -1;
	s->inflate = inflate_new(slice_of(s->bytes, (size_t)n));
	if (!s->inflate)
		return err_nomem(&l->cli->err);
	for (; n > 0; n = read_bytes(l, s, 1))
		if (take_bytes(l, s, slice_of(s->bytes, (size_t)n)) < 0)
			return -1;
	if (n < 0)
		return -1;
	reader_end(s->reader);
	if (drain(l, s) < 0)
		return -1;
	if (!inflate_complete(s->inflate))
		return err_set(&l->cli->err, ERR_FAILED, "%s: the compressed data are cut off", s->name);
	damaged = reader_damaged(s->reader, &at);
	if (damaged)
		ui_warn(&l->cli->ui,
		    "%s: %llu damaged packet%s, the first at byte %llu: kept as plain output", s->name,
		    (unsigned long long)damaged, damaged == 1 ? "" : "s", (unsigned long long)at);
	return 0;
}

static int
load_stream(struct load *l, const char *path, unsigned k)
{
	struct stream *s = calloc(1, sizeof(*s));
	int rc = -1;

	if (!s)
		return err_nomem(&l->cli->err);
	if (strcmp(path, "-") == 0)
		path = NULL;
	s->number = s->worker = k;
	s->name = path ? path : "standard input";
	s->fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	s->reader = reader_new(READER_AUTO);
	stamp_init(&s->stamp, k);
	stamp_worker(&s->stamp, k);
	stamp_profile(&s->stamp, l->added, l->tags.len);
	if (s->fd < 0)
		err_sys(&l->cli->err, "cannot open %s", path);
	else if (!s->reader)
		err_nomem(&l->cli->err);
	else
		rc = read_stream(l, s);
	inflate_free(s->inflate);
	stamp_release(&s->stamp);
	reader_free(s->reader);
	if (path && s->fd >= 0)
		close(s->fd);
	free(s);
	return rc;
}

static int
load_all(struct load *l)
{
	char *const *paths = l->cli->args.positionals;
	size_t count = l->cli->args.positional_count;
	struct record_end end = {
	    .partial = l->cli->args.set[ARG_PARTIAL] && !l->cli->args.set[ARG_FULL_RESULTS]};
	struct err first;
	int status, rc = 0;

	l->streams = count ? count : 1;
	if (count == 0)
		rc = load_stream(l, "-", 0);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = load_stream(l, paths[i], (unsigned)i);
	if (rc == 0 && l->bytes && !l->events)
		rc = err_set(&l->cli->err, ERR_FAILED,
		    "there is no subunit event in the input, neither v1 nor v2; nothing was stored from it");
	if (rc == 0)
		rc = load_begin(l);
	if (rc < 0 && !l->record.writer)
		return -1;
	/* What came before an error is kept, as a run that was cut off. */
	first = l->cli->err;
	end.interrupted = rc < 0;
	/* Nothing is no news of the suite. */
	end.partial |= !l->events;
	if (record_finish(&l->record, &end, &status) < 0)
		return -1;
	l->cli->err = first;
	return rc < 0 ? -1 : status;
}

/* Positional arguments have to be files that are there; the others are what Python calls unexpected. */
static int
check_paths(struct cli *cli)
{
	for (size_t i = 0; i < cli->args.positional_count; i++)
		if (strcmp(cli->args.positionals[i], "-") != 0 && access(cli->args.positionals[i], F_OK) != 0)
			return cli_unexpected(cli, cli->args.positionals + i, cli->args.positional_count - i);
	return 0;
}

/* The tags that all results are to have. */
static int
find_tags(struct load *l, const struct config *config)
{
	const struct args_list *names = &l->cli->args.profiles, *tags = &l->cli->args.tags;
	struct err *err = &l->cli->err;
	struct profiles profiles;
	int rc = profiles_init(&profiles, config, err);

	for (size_t i = 0; rc == 0 && i < tags->count; i++)
		if (!*tags->values[i])
			rc = err_set(err, ERR_USAGE, "option --tag: an empty tag is none");
		else if (strtab_add(&l->tags, slice_str(tags->values[i]), NULL) == STRTAB_NONE)
			rc = err_nomem(err);
	if (rc == 0 && names->count > 1)
		rc = err_set(
		    err, ERR_USAGE, "results are of one profile: give --profile once, with + between tags");
	if (rc == 0 && names->count)
		rc = profiles_choose(&profiles, names->values, names->count, err);
	for (size_t i = 0; rc == 0 && i < profiles.count; i++)
		for (size_t k = 0; rc == 0 && k < profiles.list[i].tag_count; k++)
			if (strtab_add(&l->tags, profiles.list[i].tags[k], NULL) == STRTAB_NONE)
				rc = err_nomem(err);
	profiles_release(&profiles);
	l->added = calloc(l->tags.len + 1, sizeof(*l->added));
	for (size_t i = 0; l->added && i < l->tags.len; i++)
		l->added[i] = strtab_get(&l->tags, i);
	return rc == 0 && !l->added ? err_nomem(err) : rc;
}

static int
run_load(struct cli *cli)
{
	struct load l = {.cli = cli};
	struct config *config = NULL;
	struct repo *repo = NULL;
	int rc = check_paths(cli);

	if (rc)
		return rc;
	rc = -1;
	buf_init(&l.waiting, WAITING_MAX);
	if (metadata_check(cli) < 0 || cli_optional_config(cli, &config) < 0 || find_tags(&l, config) < 0 ||
	    cli_repository(cli, cli->args.set[ARG_FORCE_INIT], &repo) < 0)
		goto out;
	if (record_init(&l.record, cli, repo, config, cli->args.set[ARG_SUBUNIT]) == 0) {
		l.record.workers = cli->args.positional_count ? cli->args.positional_count : 1;
		rc = load_all(&l);
	}
	record_release(&l.record);
out:
	free(l.workers);
	free(l.added);
	strtab_release(&l.tags);
	buf_release(&l.waiting);
	config_free(config);
	repo_free(repo);
	return rc;
}

const struct command cmd_load = {
    .name = "load",
    .summary = "Load a subunit stream into a repository.",
    .about = "Streams are files, or standard input when none is named or \"-\" is. subunit v1\n"
	     "and v2 are told apart by themselves, and gzip and zstd are unpacked. Several\n"
	     "streams, such as the shards of a suite, make one run. Failing tests are shown,\n"
	     "and a summary at the end; the exit status is 1 when there are any.\n"
	     "\n"
	     "Unless --partial is given these are the results of the whole suite: tests that\n"
	     "are not among them stop being listed as failing. --profile (or --tag) says in\n"
	     "which profile they were got, if they do not say so themselves.\n",
    .arguments = "streams*",
    .args = args,
    .takes_positionals = true,
    .records = true,
    .run = run_load,
};
