/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

#include "reader.h"

#include <stdlib.h>

/* What is kept of the attachments of a listing, to be shown if it fails. */
#define DUMP_MAX ((size_t)4 * 1024 * 1024)
#define LINE_MAX_BYTES ((size_t)1024 * 1024)

struct listing {
	struct reader *reader;
	struct strtab *ids;
	struct strtab lines;  /* of plain text: ids only if no event comes */
	struct buf line;      /* the unfinished one */
	struct strtab names;  /* of attachments */
	struct buf *contents; /* one for each name */
	size_t content_count;
	bool events;
	bool out_of_memory;
	bool done;
	struct process_end end;
};

static void
keep_attachment(struct listing *l, const struct event *e)
{
	size_t i = strtab_add(&l->names, e->file_name, NULL);

	if (i == STRTAB_NONE) {
		l->out_of_memory = true;
		return;
	}
	if (i == l->content_count) {
		struct buf *contents = realloc(l->contents, (i + 1) * sizeof(*contents));

		if (!contents) {
			l->out_of_memory = true;
			return;
		}
		l->contents = contents;
		buf_init(&l->contents[l->content_count++], DUMP_MAX);
	}
	buf_slice(&l->contents[i], e->file);
}

static void
add_line(struct listing *l)
{
	struct slice id = slice_trim(buf_get(&l->line));

	if (id.len && !l->line.failed && strtab_add(&l->lines, id, NULL) == STRTAB_NONE)
		l->out_of_memory = true;
	buf_clear(&l->line);
}

static void
take_text(struct listing *l, struct slice text)
{
	size_t at;

	while ((at = slice_find(text, '\n')) < text.len) {
		buf_slice(&l->line, slice_head(text, at));
		add_line(l);
		text = slice_from(text, at + 1);
	}
	buf_slice(&l->line, text);
}

static void
take_events(struct listing *l)
{
	struct event e;
	int rc;

	while ((rc = reader_next(l->reader, &e)) > 0) {
		if (e.file.len)
			keep_attachment(l, &e);
		if (e.kind == EVENT_TEXT) {
			if (!l->events)
				take_text(l, e.file);
			continue;
		}
		l->events = true;
		if (e.status == STATUS_EXISTS && e.id.data && strtab_add(l->ids, e.id, NULL) == STRTAB_NONE)
			l->out_of_memory = true;
	}
	if (rc < 0)
		l->out_of_memory = true;
}

static uint8_t *
listing_room(void *context, size_t *room)
{
	struct listing *l = context;

	return reader_space(l->reader, room);
}

static void
listing_output(void *context, size_t len)
{
	struct listing *l = context;

	reader_commit(l->reader, len);
	take_events(l);
}

static void
listing_ended(void *context, const struct process_end *end)
{
	struct listing *l = context;

	l->end = *end;
	l->done = true;
}

/* Turns what came into the list or the error. */
static int
listing_verdict(struct listing *l, const char *command, listing_dump_fn dump, void *context, struct err *err)
{
	if (l->out_of_memory)
		return err_nomem(err);
	if (l->end.code != 0) {
		for (size_t i = 0; i < l->content_count; i++)
			dump(context, strtab_get(&l->names, i), buf_get(&l->contents[i]));
		return err_set(err, ERR_LISTING, "Non-zero exit code (%d) from test listing.",
		    l->end.signal ? -l->end.signal : l->end.code);
	}
	add_line(l);
	for (size_t i = 0; !l->events && i < l->lines.len; i++)
		if (strtab_add(l->ids, strtab_get(&l->lines, i), NULL) == STRTAB_NONE)
			return err_nomem(err);
	if (l->ids->len == 0)
		return err_set(err, ERR_LISTING,
		    "the test listing named no test; check test_command and test_list_option: %s", command);
	return 0;
}

static void
listing_release(struct listing *l)
{
	reader_free(l->reader);
	strtab_release(&l->lines);
	strtab_release(&l->names);
	buf_release(&l->line);
	for (size_t i = 0; i < l->content_count; i++)
		buf_release(&l->contents[i]);
	free(l->contents);
}

int
listing_run(struct launch *launch, struct instances *instances, const struct config *config,
    struct template_args args, listing_dump_fn dump, void *context, struct strtab *ids, struct err *err)
{
	struct listing l = {.ids = ids, .reader = reader_new(READER_AUTO)};
	struct process_spec spec = {
	    .room = listing_room, .output = listing_output, .ended = listing_ended, .context = &l};
	char *bare = NULL, *command = NULL;
	struct slice instance = SLICE_NONE;
	struct process *p;
	int rc = -1;

	buf_init(&l.line, LINE_MAX_BYTES);
	if (!l.reader) {
		err_nomem(err);
		goto out;
	}
	instances_take(instances, &instance);
	if (template_list(config, args, &bare, err) < 0 ||
	    template_execute(config, instance, bare, NULL, &command, err) < 0)
		goto out;
	spec.command = command;
	if (launch_start(launch, &spec, true, &p, err) < 0)
		goto out;
	loop_run(launch->loop, &l.done);
	launch_ended(launch, p);
	reader_end(l.reader);
	take_events(&l);
	rc = launch->cancelled ? err_set(err, ERR_LISTING, "cancelled by signal %d while listing the tests",
				     launch->cancelled)
			       : listing_verdict(&l, command, dump, context, err);
out:
	instances_return(instances, instance);
	free(bare);
	free(command);
	listing_release(&l);
	return rc;
}
