/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stream says of its run beside results: packets without a test id, MIME type application/json, file
 * name "testr-run", whose content is one JSON object.
 *
 *	the first packet	{"version":1,"uid":"0123…","uxsuccess_passes":false,"meta":{"KEY":"VALUE",…}}
 *	in between		{"meta":{…}}
 *	at the end		{"state":"finished"|"interrupted","partial":false,"exit":0|null,"sequence":17}
 *
 * A sequence of 0 is none yet. There may be any number of them; of what is said more than once the last counts. Invariant: the index of a
 * run (index.h) can be made from its stream alone. */
#ifndef RUN_PACKET_H
#define RUN_PACKET_H

#include "repository.h"

#define RUN_PACKET_NAME "testr-run"

/* True for every event of that kind, whatever its content. */
bool run_packet_is(const struct event *e);

/* The first packet, followed by as many more as its metadata needs. They are appended to out. */
int run_packet_begin(
    struct buf *out, const struct repo_run *run, const struct repo_meta *meta, size_t count, struct err *err);
int run_packet_meta(struct buf *out, const struct repo_meta *meta, struct err *err);
/* state, partial, exit_status and sequence of the run. */
int run_packet_end(struct buf *out, const struct repo_run *run, struct err *err);

/* Changes *run by what the packet says of it, and calls fn, which may be NULL, for each piece of metadata. What
 * cannot be understood says nothing. 0, or -1 when fn failed or memory is out. */
int run_packet_read(
    const struct event *e, struct repo_run *run, repo_meta_fn fn, void *context, struct err *err);

/* 32 hexadecimal digits in lower case. */
bool run_uid_valid(const char *uid);

#endif
