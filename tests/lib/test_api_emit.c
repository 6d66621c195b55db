/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subunit2.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PACKET_LIMIT 4096

static int
slice_is(struct subunit2_slice s, const char *text)
{
	return s.data && s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

/* The next event of a descriptor, which has to be a packet of no more than PACKET_LIMIT bytes. */
static int
next(struct subunit2_decoder *d, int fd, struct subunit2_event *e)
{
	int rc = subunit2_decoder_read(d, fd, e);

	assert_true(rc >= 0);
	if (rc) {
		assert_int_equal(e->kind, SUBUNIT2_PACKET);
		assert_true(e->raw.len <= PACKET_LIMIT);
	}
	return rc;
}

static void
says_what_is_asked(void **state)
{
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	int64_t before = subunit2_now();
	struct subunit2_event e;
	int fds[2];

	(void)state;
	subunit2_event_init(&e);
	assert_int_equal(pipe(fds), 0);
	for (int status = SUBUNIT2_NONE; status <= SUBUNIT2_XFAIL; status++)
		assert_int_equal(
		    subunit2_emit(fds[1], "t", (enum subunit2_status)status, status % 2 ? NULL : ""), 0);
	assert_int_equal(subunit2_emit(fds[1], "t", SUBUNIT2_FAIL, "why\xFF"), 0);
	assert_int_equal(subunit2_emit(fds[1], "t", SUBUNIT2_SKIP, "because"), 0);
	assert_int_equal(subunit2_emit(fds[1], "bad \xC3 id", SUBUNIT2_SUCCESS, NULL), 0);
	assert_int_equal(subunit2_emit_file(fds[1], "t", "log", NULL, "\0\1", 2), 0);
	close(fds[1]);
	for (int status = SUBUNIT2_NONE; status <= SUBUNIT2_XFAIL; status++) {
		assert_int_equal(next(d, fds[0], &e), 1);
		assert_true(slice_is(e.id, "t"));
		assert_int_equal(e.status, status);
		assert_null(e.file_name.data);
		assert_true(e.runnable);
		assert_in_range(e.time, before, subunit2_now());
	}
	assert_int_equal(next(d, fds[0], &e), 1);
	assert_int_equal(e.status, SUBUNIT2_FAIL);
	assert_true(slice_is(e.file_name, "traceback") && slice_is(e.file, "why\xFF") && e.eof);
	assert_true(slice_is(e.mime, "text/plain;charset=utf8"));
	assert_int_equal(next(d, fds[0], &e), 1);
	assert_true(slice_is(e.file_name, "reason") && slice_is(e.file, "because"));
	assert_int_equal(next(d, fds[0], &e), 1);
	assert_true(slice_is(e.id, "bad \xEF\xBF\xBD id"));
	assert_int_equal(next(d, fds[0], &e), 1);
	assert_true(slice_is(e.file_name, "log") && e.file.len == 2 && !e.eof && !e.mime.data);
	assert_int_equal(next(d, fds[0], &e), 0);
	close(fds[0]);
	subunit2_decoder_free(d);
}

static void
refuses(void **state)
{
	char id[SUBUNIT2_EMIT_ID_MAX + 2], name[258];
	int fds[2];

	(void)state;
	memset(id, 'i', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(subunit2_emit(fds[1], NULL, SUBUNIT2_FAIL, NULL), SUBUNIT2_ERROR_ARGUMENT);
	assert_int_equal(subunit2_emit(fds[1], "t", (enum subunit2_status)8, NULL), SUBUNIT2_ERROR_ARGUMENT);
	assert_int_equal(subunit2_emit(fds[1], id, SUBUNIT2_FAIL, NULL), SUBUNIT2_ERROR_LONG);
	assert_int_equal(subunit2_emit_file(fds[1], "t", name, NULL, "", 0), SUBUNIT2_ERROR_LONG);
	assert_int_equal(subunit2_emit_file(fds[1], "t", "\xFF", NULL, "", 0), SUBUNIT2_ERROR_TEXT);
	assert_int_equal(subunit2_emit_file(fds[1], "t", NULL, NULL, "", 0), SUBUNIT2_ERROR_ARGUMENT);
	/* Mended it would be longer than allowed. */
	memset(id, '\xFF', 1000);
	id[1000] = '\0';
	assert_int_equal(subunit2_emit(fds[1], id, SUBUNIT2_FAIL, NULL), SUBUNIT2_ERROR_LONG);
	assert_int_equal(subunit2_emit(-1, "t", SUBUNIT2_FAIL, NULL), SUBUNIT2_ERROR_SYSTEM);
	assert_int_equal(errno, EBADF);
	signal(SIGPIPE, SIG_IGN);
	close(fds[0]);
	assert_int_equal(subunit2_emit(fds[1], "t", SUBUNIT2_FAIL, NULL), SUBUNIT2_ERROR_SYSTEM);
	assert_int_equal(errno, EPIPE);
	signal(SIGPIPE, SIG_DFL);
	close(fds[1]);
}

enum { WRITERS = 8, ROUNDS = 200, TEXT = 9000 };

/* What one of several writers says: tests with a text that takes several packets. */
static void
talk(int fd, int writer)
{
	char id[SUBUNIT2_EMIT_ID_MAX + 1], text[TEXT + 1];

	memset(text, 'a' + writer, TEXT);
	text[TEXT] = '\0';
	for (int i = 0; i < ROUNDS; i++) {
		int n = snprintf(id, sizeof(id), "w%d.%d.", writer, i);

		/* Also an id of the greatest length. */
		memset(id + n, 'x', sizeof(id) - 1 - (size_t)n);
		id[i % 20 ? (size_t)n : sizeof(id) - 1] = '\0';
		if (subunit2_emit(fd, id, SUBUNIT2_INPROGRESS, NULL) < 0 ||
		    subunit2_emit(fd, id, SUBUNIT2_FAIL, text) < 0)
			abort();
	}
}

/* Every packet arrives whole, each writer's in order, and the text of each test. */
static void
listen_to_all(int fd)
{
	struct subunit2_decoder *d = subunit2_decoder_new(SUBUNIT2_INPUT_V2);
	int done[WRITERS] = {0};
	size_t got[WRITERS] = {0};
	struct subunit2_event e;

	subunit2_event_init(&e);
	while (next(d, fd, &e)) {
		int writer = e.id.data[1] - '0';
		char id[40];

		assert_in_range(writer, 0, WRITERS - 1);
		snprintf(id, sizeof(id), "w%d.%d.", writer, done[writer]);
		assert_memory_equal(e.id.data, id, strlen(id));
		for (size_t i = 0; i < e.file.len; i++)
			assert_int_equal(e.file.data[i], 'a' + writer);
		got[writer] += e.file.len;
		if (e.status == SUBUNIT2_FAIL) {
			assert_int_equal(got[writer], TEXT);
			assert_true(e.eof);
			got[writer] = 0;
			done[writer]++;
		}
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(done[i], ROUNDS);
	subunit2_decoder_free(d);
}

static void
processes_share_a_pipe(void **state)
{
	int fds[2], status;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	/* The pipe becomes non-blocking for all of them: the flag belongs to the open file. */
	for (int i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			fcntl(fds[1], F_SETFL, O_NONBLOCK);
			talk(fds[1], i);
			_exit(0);
		}
	}
	close(fds[1]);
	listen_to_all(fds[0]);
	close(fds[0]);
	for (int i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

static void
processes_share_a_file(void **state)
{
	char path[] = "/tmp/emit.XXXXXX";
	int fd = mkstemp(path), status;

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			talk(open(path, O_WRONLY | O_APPEND), i);
			_exit(0);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	listen_to_all(fd);
	close(fd);
	unlink(path);
}

struct talker {
	pthread_t thread;
	int fd, number;
};

static void *
talk_in_thread(void *context)
{
	struct talker *t = context;

	talk(t->fd, t->number);
	close(t->fd);
	return NULL;
}

static void
threads_share_a_pipe(void **state)
{
	struct talker talkers[WRITERS];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < WRITERS; i++) {
		talkers[i] = (struct talker){.fd = dup(fds[1]), .number = i};
		assert_int_equal(pthread_create(&talkers[i].thread, NULL, talk_in_thread, &talkers[i]), 0);
	}
	close(fds[1]);
	listen_to_all(fds[0]);
	close(fds[0]);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(talkers[i].thread, NULL);
}

static void
words(void **state)
{
	(void)state;
	for (int error = -20; error <= 1; error++)
		assert_non_null(subunit2_strerror(error));
	for (int error = SUBUNIT2_ERROR_STOPPED; error < 0; error++)
		assert_string_not_equal(subunit2_strerror(error), subunit2_strerror(-20));
	assert_string_equal(subunit2_status_name(SUBUNIT2_XFAIL), "xfail");
	assert_null(subunit2_status_name(SUBUNIT2_NONE));
	assert_null(subunit2_status_name((enum subunit2_status)8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says_what_is_asked),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(processes_share_a_pipe),
	    cmocka_unit_test(processes_share_a_file),
	    cmocka_unit_test(threads_share_a_pipe),
	    cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("api_emit", tests, NULL, NULL);
}
