/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop: everything that waits, waits here. One thread. Callbacks run inside loop_run only. */
#ifndef LOOP_H
#define LOOP_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_signal;
struct loop_watch;

struct loop *loop_new(struct err *err);
/* Every process on it must have ended and every timer and signal be freed. Accepts NULL. */
void loop_free(struct loop *loop);

/* Runs callbacks until *done is true or nothing is left to wait for. */
void loop_run(struct loop *loop, const bool *done);

/* A timer that calls fn once, `after` nanoseconds after each loop_timer_set; it rests until then. A resting
 * timer does not keep loop_run waiting. NULL when out of memory. */
struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *context), void *context);
void loop_timer_set(struct loop_timer *timer, int64_t after);
void loop_timer_stop(struct loop_timer *timer);
/* Accepts NULL. */
void loop_timer_free(struct loop_timer *timer);

/* Calls fn whenever the signal arrives, instead of its usual action. Does not keep loop_run waiting. NULL
 * when it cannot. */
struct loop_signal *loop_signal_new(
    struct loop *loop, int number, void (*fn)(void *context, int number), void *context);
/* Accepts NULL. */
void loop_signal_free(struct loop_signal *signal);

/* What to watch a descriptor for. */
enum loop_sight {
	LOOP_READABLE, /* there is something to read, or the end: again and again, until it is read */
	LOOP_UNREAD,   /* nobody will read any more what is written to it: once */
};

/* Calls fn when that is so of a descriptor, which stays the caller's; it rests until loop_watch_start, and a
 * resting one does not keep loop_run waiting. NULL when out of memory, and for what cannot be waited for: a plain
 * file, /dev/null. */
struct loop_watch *loop_watch_new(
    struct loop *loop, int fd, enum loop_sight sight, void (*fn)(void *context), void *context);
void loop_watch_start(struct loop_watch *watch);
void loop_watch_stop(struct loop_watch *watch);
/* Accepts NULL. */
void loop_watch_free(struct loop_watch *watch);

/* The libuv loop itself, for the other files of this room. */
struct uv_loop_s *loop_uv(struct loop *loop);

#endif
