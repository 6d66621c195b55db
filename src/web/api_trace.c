/* SPDX-License-Identifier: Apache-2.0
 *
 * A run in the form that chrome://tracing, Perfetto and speedscope read: an event a result, a thread a worker. */
#include "api.h"

#include "file.h"

#include <inttypes.h>

/* What is gathered before it is written to a file. */
#define WRITE_SIZE ((size_t)256 << 10)

struct trace {
	const struct repo_run *run;
	struct buf out;
	int fd;
	uint64_t size;
	bool begun;
};

static int
write_out(struct trace *t, struct err *err)
{
	t->size += t->out.len;
	if (t->out.failed)
		return err_nomem(err);
	if (file_write(t->fd, buf_get(&t->out), NULL))
		return err_sys(err, "cannot write a temporary file");
	buf_clear(&t->out);
	return 0;
}

static int
append(const char *data, size_t len, void *out)
{
	buf_slice(out, slice_of(data, len));
	return 0;
}

/* Times are microseconds since the start of the run. */
static int
add_row(void *context, const struct repo_row *row, struct err *err)
{
	struct trace *t = context;
	json_t *event;
	int rc;

	if (row->start == TIME_NONE)
		return 0;
	event = json_pack("{so, ss, ss, sf, sf, si, sI, s{ss, si}}", "name", shape_text(row->test), "cat",
	    shape_status(row->status), "ph", "X", "ts", (double)time_between(t->run->start, row->start) / 1e3,
	    "dur", row->duration == TIME_NONE ? 0 : (double)row->duration / 1e3, "pid", 1, "tid",
	    (json_int_t)row->worker, "args", "status", shape_status(row->status), "attempt", row->attempt);
	buf_str(&t->out, t->begun ? ",\n" : "");
	t->begun = true;
	rc = event ? json_dump_callback(event, append, &t->out, SHAPE_FLAGS) : -1;
	json_decref(event);
	if (rc)
		return err_nomem(err);
	return t->out.len < WRITE_SIZE ? 0 : write_out(t, err);
}

int
api_trace(struct call *call, struct reply *out, struct err *err)
{
	struct repo_rows_query query = {.worker = -1, .order = REPO_ROWS_START};
	struct repo_run run;
	struct trace t = {.run = &run};
	int rc = call_run(call, out, 0, &run, err);

	if (rc)
		return rc;
	t.fd = out->fd = file_scratch(false, err);
	if (t.fd < 0)
		return -1;
	buf_init(&t.out, (size_t)64 << 20);
	buf_str(&t.out, "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n");
	rc = repo_rows_where(call->repo, run.id, &query, add_row, &t, err);
	buf_str(&t.out, "\n]}\n");
	if (rc == 0)
		rc = write_out(&t, err);
	buf_release(&t.out);
	out->size = t.size;
	out->type = "application/json";
	reply_header(
	    out, "Content-Disposition", "attachment; filename=\"run-%" PRId64 ".trace.json\"", run.id);
	return rc;
}
