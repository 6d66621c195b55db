/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "strtab.h"
#include "tool.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct output_options {
	enum status status;
	const char *id, *attach, *file_name, *mime;
	struct strtab tags;
};

struct packets {
	struct output *out;
	struct event next; /* all but its file */
	enum status last;  /* the status of the last packet */
	struct strtab *tags;
	struct buf piece; /* the file content of the next packet */
};

#define STATUS_OPTION(name, status) \
	{ \
		0, name, OPTION_VALUE, "TEST_ID", "report this status of the test", status, \
		    "must specify a single TEST_ID." \
	}

static const struct option options[] = {
    TOOL_HELP,
    STATUS_OPTION("exists", STATUS_EXISTS),
    STATUS_OPTION("inprogress", STATUS_INPROGRESS),
    STATUS_OPTION("success", STATUS_SUCCESS),
    STATUS_OPTION("uxsuccess", STATUS_UXSUCCESS),
    STATUS_OPTION("skip", STATUS_SKIP),
    STATUS_OPTION("fail", STATUS_FAIL),
    STATUS_OPTION("xfail", STATUS_XFAIL),
    {0, "attach-file", OPTION_VALUE, "FILE", "attach a file, - for standard input"},
    {0, "file-name", OPTION_VALUE, "NAME", "the name of the attachment; without it FILE, or\nstdin"},
    {0, "mimetype", OPTION_VALUE, "TYPE", "the MIME type of the attachment"},
    {0, "tag", OPTION_VALUE, "TAG", "give the event a tag; may be repeated"},
    {0},
};

/* An empty argument says nothing. */
static const char *
text_or_null(const char *text)
{
	return *text ? text : NULL;
}

static int
met(void *context, const struct option *option, char *const *values, struct err *err)
{
	struct output_options *o = context;

	if (!utf8_valid(slice_str(values[0])) && strcmp(option->name, "attach-file") != 0)
		return err_set(err, ERR_USAGE, "argument --%s: not UTF-8", option->name);
	if (option->id) {
		if (o->status)
			return err_set(err, ERR_USAGE,
			    "argument --%s: Only one status may be specified at once.", option->name);
		o->status = (enum status)option->id;
		o->id = text_or_null(values[0]);
	} else if (strcmp(option->name, "attach-file") == 0) {
		o->attach = text_or_null(values[0]);
	} else if (strcmp(option->name, "file-name") == 0) {
		o->file_name = text_or_null(values[0]);
	} else if (strcmp(option->name, "mimetype") == 0) {
		o->mime = text_or_null(values[0]);
	} else if (strtab_add(&o->tags, slice_str(values[0]), NULL) == STRTAB_NONE) {
		return err_nomem(err);
	}
	return 0;
}

static void
release(void *own)
{
	struct output_options *o = own;

	strtab_release(&o->tags);
}

/* Writes a packet with the content at hand. Time, tags, MIME type and a status that is not final are in the
 * first one only. */
static int
write_packet(struct packets *p, bool last, struct err *err)
{
	if (last && p->last)
		p->next.status = p->last;
	p->next.file = p->next.file_name.data ? buf_get(&p->piece) : SLICE_NONE;
	p->next.eof = last && p->next.file_name.data;
	if (output_event(p->out, &p->next, err))
		return -1;
	buf_clear(&p->piece);
	p->next.time = TIME_NONE;
	p->next.tags = NULL;
	p->next.mime = SLICE_NONE;
	p->next.status = STATUS_NONE;
	return 0;
}

static int
on_bytes(void *context, struct slice bytes, struct err *err)
{
	struct packets *p = context;

	while (bytes.len) {
		struct slice part = slice_head(bytes, PACKET_FILE_MAX - p->piece.len);

		if (!part.len) {
			if (write_packet(p, false, err))
				return -1;
			continue;
		}
		buf_slice(&p->piece, part);
		if (p->piece.failed)
			return err_nomem(err);
		bytes = slice_from(bytes, part.len);
	}
	return 0;
}

static int
attach(struct packets *p, const char *path, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_set(err, ERR_USAGE, "Cannot open %s (%s)", path, strerror(errno));
	rc = stream_fd(fd, path, on_bytes, p, p->out, err);
	if (!is_stdin)
		close(fd);
	return rc;
}

static int
write_packets(struct packets *p, const struct output_options *o, struct slice *tags, struct err *err)
{
	for (size_t i = 0; i < o->tags.len; i++)
		tags[i] = strtab_get(&o->tags, i);
	event_init(&p->next);
	p->next.id = slice_str(o->id);
	p->next.time = clock_realtime() / 1000 * 1000;
	p->next.tags = o->tags.len ? tags : NULL;
	p->next.tag_count = o->tags.len;
	if (o->status == STATUS_INPROGRESS)
		p->next.status = o->status;
	else
		p->last = o->status;
	if (o->attach) {
		p->next.mime = slice_str(o->mime);
		p->next.file_name = slice_str(o->file_name             ? o->file_name
					      : strcmp(o->attach, "-") ? o->attach
								       : "stdin");
		if (!utf8_valid(p->next.file_name))
			return err_set(
			    err, ERR_USAGE, "the name of the file is not UTF-8; --file-name gives another");
		if (attach(p, o->attach, err))
			return -1;
	}
	return write_packet(p, true, err);
}

static int
run(const struct tool_call *call, struct err *err)
{
	struct output_options *o = call->own;
	struct packets p = {.out = call->out};
	struct slice *tags;
	int rc;

	if (o->mime && !o->attach)
		return err_set(err, ERR_USAGE, "Cannot specify --mimetype without --attach-file");
	if (o->file_name && !o->attach)
		return err_set(err, ERR_USAGE, "Cannot specify --file-name without --attach-file");
	tags = reallocarray(NULL, o->tags.len + 1, sizeof(*tags));
	if (!tags)
		return err_nomem(err);
	buf_init(&p.piece, PACKET_FILE_MAX);
	rc = write_packets(&p, o, tags, err);
	buf_release(&p.piece);
	free(tags);
	return rc;
}

const struct tool tool_output = {
    .name = "subunit-output",
    .text = "Writes one event: the status of a test, with a file attached or without, or a\n"
	    "file that belongs to no test. The time is that of the call.\n",
    .usage = "[-h] [status TEST_ID] [options]",
    .options = options,
    .many_args = true,
    .own_size = sizeof(struct output_options),
    .met = met,
    .run = run,
    .release = release,
};
