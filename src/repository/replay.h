/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads stored streams back as events and as results. Memory is bounded by the reader and by detail_max. */
#ifndef REPLAY_H
#define REPLAY_H

#include "file.h"
#include "reader.h"
#include "repository.h"

/* Called with each event, valid during the call. A return of -1 with err set ends the reading and is handed
 * on. */
typedef int (*replay_event_fn)(void *context, const struct event *e, struct err *err);

/* The events in the bytes [offset, end) of an open file, or up to its end when that comes first. Offsets of
 * events are those in the file. The file's position is not used. */
int replay_events(int fd, uint64_t offset, uint64_t end, enum reader_mode mode, replay_event_fn fn,
    void *context, struct err *err);

/* All results of an open file, those of tests that never ended last. */
int replay_results(
    int fd, enum reader_mode mode, size_t detail_max, repo_result_fn fn, void *context, struct err *err);

/* The results of an open file that breaks off anywhere: only those whose end is in it. */
int replay_torn(
    int fd, enum reader_mode mode, size_t detail_max, repo_result_fn fn, void *context, struct err *err);

/* All results of a file by its name. 1, 0 when there is no such file, or -1. */
int replay_file(const struct file_dir *dir, const char *name, enum reader_mode mode, size_t detail_max,
    repo_result_fn fn, void *context, struct err *err);

/* The one result whose first packet begins the slice [offset, end) of a v2 stream and whose last ends it;
 * other tests' packets between them are passed over. 1, 0 when there is no such packet (the stream is
 * damaged), or -1. */
int replay_one(int fd, uint64_t offset, uint64_t end, size_t detail_max, repo_result_fn fn, void *context,
    struct err *err);

/* The packets of that one result. */
int replay_one_events(
    int fd, uint64_t offset, uint64_t end, replay_event_fn fn, void *context, struct err *err);

#endif
