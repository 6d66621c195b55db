/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <uv.h>

struct loop {
	uv_loop_t uv;
};

struct loop_timer {
	uv_timer_t uv;
	void (*fn)(void *context);
	void *context;
};

struct loop_signal {
	uv_signal_t uv;
	void (*fn)(void *context, int number);
	void *context;
};

struct loop_watch {
	uv_poll_t uv;
	enum loop_sight sight;
	void (*fn)(void *context);
	void *context;
};

struct loop *
loop_new(struct err *err)
{
	struct loop *loop = malloc(sizeof(*loop));
	int rc;

	if (!loop) {
		err_nomem(err);
		return NULL;
	}
	rc = uv_loop_init(&loop->uv);
	if (rc < 0) {
		err_set(err, ERR_FAILED, "cannot make an event loop: %s", uv_strerror(rc));
		free(loop);
		return NULL;
	}
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	/* Closing handles get their last callback here. */
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
	free(loop);
}

void
loop_run(struct loop *loop, const bool *done)
{
	while (!*done && uv_run(&loop->uv, UV_RUN_ONCE) != 0)
		;
}

uv_loop_t *
loop_uv(struct loop *loop)
{
	return &loop->uv;
}

static void
free_handle(uv_handle_t *handle)
{
	free(handle->data);
}

static void
timer_fired(uv_timer_t *uv)
{
	struct loop_timer *timer = uv->data;

	timer->fn(timer->context);
}

struct loop_timer *
loop_timer_new(struct loop *loop, void (*fn)(void *context), void *context)
{
	struct loop_timer *timer = malloc(sizeof(*timer));

	if (!timer)
		return NULL;
	timer->fn = fn;
	timer->context = context;
	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = timer;
	return timer;
}

void
loop_timer_set(struct loop_timer *timer, int64_t after)
{
	/* libuv counts from when it last looked at the clock, in milliseconds; round up so as not to fire
	 * early. */
	uv_update_time(timer->uv.loop);
	uv_timer_start(&timer->uv, timer_fired, after > 0 ? (uint64_t)(after + 999999) / 1000000 : 0, 0);
}

void
loop_timer_stop(struct loop_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

void
loop_timer_free(struct loop_timer *timer)
{
	if (timer)
		uv_close((uv_handle_t *)&timer->uv, free_handle);
}

static void
signal_arrived(uv_signal_t *uv, int number)
{
	struct loop_signal *signal = uv->data;

	signal->fn(signal->context, number);
}

struct loop_signal *
loop_signal_new(struct loop *loop, int number, void (*fn)(void *context, int number), void *context)
{
	struct loop_signal *signal = malloc(sizeof(*signal));

	if (!signal)
		return NULL;
	signal->fn = fn;
	signal->context = context;
	uv_signal_init(&loop->uv, &signal->uv);
	signal->uv.data = signal;
	uv_unref((uv_handle_t *)&signal->uv);
	if (uv_signal_start(&signal->uv, signal_arrived, number) < 0) {
		loop_signal_free(signal);
		return NULL;
	}
	return signal;
}

void
loop_signal_free(struct loop_signal *signal)
{
	if (signal)
		uv_close((uv_handle_t *)&signal->uv, free_handle);
}

static void
watch_saw(uv_poll_t *uv, int status, int events)
{
	struct loop_watch *watch = uv->data;

	(void)status;
	(void)events;
	if (watch->sight == LOOP_UNREAD)
		uv_poll_stop(uv);
	watch->fn(watch->context);
}

struct loop_watch *
loop_watch_new(struct loop *loop, int fd, enum loop_sight sight, void (*fn)(void *context), void *context)
{
	struct loop_watch *watch = malloc(sizeof(*watch));
	int flags = fcntl(fd, F_GETFL), rc;

	if (!watch)
		return NULL;
	watch->sight = sight;
	watch->fn = fn;
	watch->context = context;
	rc = uv_poll_init(&loop->uv, &watch->uv, fd);
	/* libuv makes it non-blocking, for everybody who has it; those did not ask for that. */
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags);
	if (rc < 0) {
		free(watch);
		return NULL;
	}
	watch->uv.data = watch;
	return watch;
}

void
loop_watch_start(struct loop_watch *watch)
{
	/* That the other side is gone is always told; there is no way to ask for nothing else. */
	uv_poll_start(&watch->uv, watch->sight == LOOP_READABLE ? UV_READABLE : UV_PRIORITIZED, watch_saw);
}

void
loop_watch_stop(struct loop_watch *watch)
{
	uv_poll_stop(&watch->uv);
}

void
loop_watch_free(struct loop_watch *watch)
{
	if (watch)
		uv_close((uv_handle_t *)&watch->uv, free_handle);
}
