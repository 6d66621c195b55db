/* SPDX-License-Identifier: Apache-2.0 */
#include "compat.h"

#include "xmltext.h"

#include <inttypes.h>
#include <stdlib.h>

/* Runs in a feed, and tests named in an item. */
#define ITEMS 10
#define TESTS_NAMED 50

struct feed {
	struct call *call;
	const struct repo_run *run;
	struct buf *body;
	int64_t items, named;
};

static void
add_element(struct buf *out, const char *name, const char *before, struct slice text)
{
	buf_printf(out, "<%s>%s", name, before);
	xmltext_add(out, text, false);
	buf_printf(out, "</%s>", name);
}

static int
name_test(void *context, const struct repo_row *row, struct err *err)
{
	struct feed *f = context;

	(void)err;
	if (shape_verdict(row->status, f->run) != VERDICT_FAIL || f->named == TESTS_NAMED)
		return 0;
	f->named++;
	buf_byte(f->body, '\n');
	xmltext_add(f->body, row->test, false);
	return 0;
}

/* The address of the run: where its artifacts are, or else its page here. */
static void
add_link(struct feed *f, const char *artifacts)
{
	const char *base = web_url(f->call->web);

	buf_str(f->body, "<link>");
	if (artifacts)
		xmltext_add(f->body, slice_str(artifacts), false);
	else
		buf_printf(f->body, "%srun/%" PRId64, strncmp(base, "http", 4) == 0 ? base : "/", f->run->id);
	buf_str(f->body, "</link>");
}

static int
add_item(void *context, const struct repo_run *run, struct err *err)
{
	static const char *const keys[] = {"artifacts", "build_uuid", "build_name"};
	struct feed *f = context;
	const char *build, *job;
	json_t *values[3];
	char name[33];
	int rc;

	if (compat_meta(f->call->repo, run->id, keys, values, 3, err) < 0)
		return -1;
	f->run = run;
	f->items++;
	f->named = 0;
	compat_name(name, run);
	build = json_string_value(values[1]);
	job = json_string_value(values[2]);
	buf_str(f->body, "<item>");
	add_element(f->body, "title", "Failed Run ", slice_str(build ? build : name));
	add_link(f, json_string_value(values[0]));
	buf_printf(f->body, "<description>%s", job ? "Job " : "");
	xmltext_add(f->body, slice_str(job ? job : ""), false);
	buf_printf(f->body, "%s%" PRId64 " of %" PRId64 " failed", job ? ": " : "", run->counts.failures,
	    run->counts.tests);
	rc = compat_results(f->call->repo, run->id, name_test, f, err);
	buf_str(f->body, "</description><guid isPermaLink=\"false\">");
	xmltext_add(f->body, slice_str(build ? build : name), false);
	buf_str(f->body, "</guid>");
	if (run->start != TIME_NONE) {
		buf_str(f->body, "<pubDate>");
		compat_date(f->body, run->start, "+0000");
		buf_str(f->body, "</pubDate>");
	}
	buf_str(f->body, "</item>\n");
	for (size_t i = 0; i < 3; i++)
		json_decref(values[i]);
	return rc;
}

static void
add_channel(struct buf *out, struct slice key, struct slice value)
{
	buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel>");
	buf_str(out, "<title>Failures for ");
	xmltext_add(out, key, false);
	buf_str(out, ": ");
	xmltext_add(out, value, false);
	buf_str(out, "</title><description>The failed ");
	xmltext_add(out, key, false);
	buf_str(out, ": ");
	xmltext_add(out, value, false);
	buf_str(out, " tests feed</description><language>en</language>");
}

static int
write_feed(struct call *call, struct reply *out, struct slice key, struct slice value, struct err *err)
{
	struct feed f = {.call = call, .body = &out->body};
	const char *base = web_url(call->web);

	add_channel(&out->body, key, value);
	add_element(&out->body, "link", "", slice_str(strncmp(base, "http", 4) == 0 ? base : "/"));
	if (compat_failed_runs(call->repo, key, value, ITEMS, add_item, &f, err) < 0)
		return -1;
	buf_str(&out->body, "</channel></rss>\n");
	out->type = "application/rss+xml";
	if (out->body.failed)
		return err_nomem(err);
	if (f.items == 0)
		compat_refuse(
		    out, "No Failed Runs for run metadata %.*s: %.*s", SLICE_FMT(key), SLICE_FMT(value));
	return 0;
}

int
compat_recent_rss(struct call *call, struct reply *out, struct err *err)
{
	struct buf key, value;
	int rc;

	buf_init(&key, REQUEST_TARGET_MAX);
	buf_init(&value, REQUEST_TARGET_MAX);
	compat_part(call, 0, &key);
	compat_part(call, 1, &value);
	rc = key.failed || value.failed ? err_nomem(err)
					: write_feed(call, out, buf_get(&key), buf_get(&value), err);
	buf_release(&key);
	buf_release(&value);
	return rc;
}
