/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of a run's stream when the disk is full: attachments are left out, results are kept.
 *
 * As long as there is room the run holds a reserve, a file without a name, which ends with the process. Half of
 * it makes room for results once the disk is full, the other half for the end of the run. Invariant: what is
 * encoded here differs from the event in its attachment alone; a test or a run that lost one says so, with
 * SAVING_MARK in place of the first. */
#ifndef SAVING_H
#define SAVING_H

#include "buf.h"
#include "event.h"
#include "file.h"
#include "packet.h"
#include "strtab.h"

#define SAVING_MARK "left out: the disk was full\n"

struct saving {
	bool on;
	int reserve; /* a descriptor; -1 for none */
	off_t size;  /* of the reserve */
	struct strtab marked;
	size_t marked_bytes;
	struct packet_tags tags;
};

void saving_init(struct saving *s);
void saving_release(struct saving *s);

/* Takes the reserve in a directory, if there is one to take. */
void saving_reserve(struct saving *s, const struct file_dir *dir);
/* Gives the first half of the reserve to the stream that has `size` bytes. */
void saving_start(struct saving *s, int stream, uint64_t size);
/* Gives the rest back to the disk. */
void saving_end(struct saving *s);

/* How many of the first `size` bytes of a series of packets are whole packets. */
size_t saving_whole(struct saving *s, struct slice packets, size_t size);
/* Appends what is kept of an event. 0, or -1 as packet_encode. */
int saving_encode(struct saving *s, struct buf *out, const struct event *e);
/* Replaces packets by what is kept of them. */
int saving_rewrite(struct saving *s, struct buf *packets);

#endif
