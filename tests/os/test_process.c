/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes under a guard. This program is its own guard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "guard.h"
#include "process.h"
#include "timefmt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Far more than any of this takes, even under a sanitizer on a busy machine. */
#define PATIENCE (30 * TIME_SECOND)

struct running {
	struct loop *loop;
	struct process *process;
	struct buf output;
	struct process_end end;
	bool done;
	void (*on_output)(struct running *r);
};

static char own_path[4096];

static uint8_t *
room(void *context, size_t *size)
{
	struct running *r = context;

	*size = 4096;
	return buf_space(&r->output, *size);
}

static void
output(void *context, size_t len)
{
	struct running *r = context;

	buf_commit(&r->output, len);
	if (r->on_output)
		r->on_output(r);
}

static void
ended(void *context, const struct process_end *end)
{
	struct running *r = context;

	assert_false(r->done);
	r->end = *end;
	r->done = true;
}

static void
start(struct running *r, const char *command)
{
	struct process_spec spec = {.guard = own_path,
	    .command = command,
	    .room = room,
	    .output = output,
	    .ended = ended,
	    .context = r};
	struct err err;

	buf_init(&r->output, 1 << 20);
	r->loop = loop_new(&err);
	assert_non_null(r->loop);
	assert_int_equal(process_start(r->loop, &spec, &r->process, &err), 0);
}

static void
finish(struct running *r)
{
	loop_run(r->loop, &r->done);
	assert_true(r->done);
	process_free(r->process);
	loop_free(r->loop);
}

static void
run(struct running *r, const char *command)
{
	start(r, command);
	finish(r);
}

/* The process id that the command printed. */
static pid_t
printed_pid(struct running *r)
{
	int64_t pid;

	assert_true(slice_int(slice_trim(buf_get(&r->output)), &pid));
	return (pid_t)pid;
}

static bool
alive(pid_t pid)
{
	char path[64], state = 'X';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (!stat)
		return false;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(stat);
	return state != 'Z' && state != 'X';
}

/* A test leaves no child of its own behind: all were waited for. */
static int
no_children(void **state)
{
	(void)state;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

static void
test_output_and_status(void **state)
{
	struct running r = {0};

	(void)state;
	run(&r, "printf 'a\\0b'; exit 3");
	assert_int_equal(r.end.code, 3);
	assert_int_equal(r.end.signal, 0);
	assert_int_equal(r.end.left, 0);
	assert_int_equal(r.output.len, 3);
	assert_memory_equal(r.output.data, "a\0b", 3);
	buf_release(&r.output);
}

static void
test_input_is_empty(void **state)
{
	struct running r = {0};

	(void)state;
	run(&r, "cat; echo end");
	assert_string_equal(buf_cstr(&r.output), "end\n");
	buf_release(&r.output);
}

static void
test_all_of_a_large_output(void **state)
{
	struct running r = {0};

	(void)state;
	run(&r, "head -c 700000 /dev/zero");
	assert_int_equal(r.output.len, 700000);
	assert_int_equal(r.end.code, 0);
	buf_release(&r.output);
}

static void
test_missing_command(void **state)
{
	struct running r = {0};

	(void)state;
	run(&r, "exec 2>/dev/null; /no/such/command");
	assert_int_equal(r.end.code, 127);
	buf_release(&r.output);
}

static void
test_killed_by_itself(void **state)
{
	struct running r = {0};
	struct buf words;

	(void)state;
	run(&r, "kill -9 $$");
	assert_int_equal(r.end.signal, SIGKILL);
	assert_int_equal(r.end.code, -1);
	buf_init(&words, 256);
	process_end_words(&r.end, &words);
	assert_string_equal(buf_cstr(&words), "signal 9 (Killed)");
	buf_release(&words);
	buf_release(&r.output);
}

/* The pipe is held by a process that sleeps for a minute: neither the pipe nor the sleeper outlives the
 * deadline. */
static void
test_grandchild_keeps_the_pipe(void **state)
{
	struct running r = {0};
	int64_t before = clock_monotonic();

	(void)state;
	run(&r, "sleep 61 & echo $!");
	assert_true(clock_monotonic() - before < PATIENCE);
	assert_int_equal(r.end.code, 0);
	assert_int_equal(r.end.left, 1);
	assert_string_equal(r.end.leaver, "sleep 61");
	assert_false(alive(printed_pid(&r)));
	buf_release(&r.output);
}

/* A daemon in a session of its own is out of reach of a signal to the group. */
static void
test_daemon_does_not_escape(void **state)
{
	struct running r = {0};

	(void)state;
	run(&r, "setsid sh -c 'trap \"\" TERM; echo $$; exec >/dev/null; (sleep 62); sleep 62' & sleep 0.2");
	assert_true(r.end.left > 0);
	assert_false(alive(printed_pid(&r)));
	buf_release(&r.output);
}

static void
send_term(struct running *r)
{
	process_signal(r->process, SIGTERM);
}

static void
test_signal_reaches_the_group(void **state)
{
	struct running r = {.on_output = send_term};

	(void)state;
	/* Between fork and exec the shell's child would forget the signal. */
	run(&r,
	    "trap 'exit 7' TERM; sleep 63 & until grep -q sleep /proc/$!/comm; do :; done; echo ready; wait");
	assert_int_equal(r.end.code, 7);
	assert_int_equal(r.end.left, 0);
	buf_release(&r.output);
}

static void
kill_it(struct running *r)
{
	process_kill(r->process);
}

static void
test_kill(void **state)
{
	struct running r = {.on_output = kill_it};
	int64_t before = clock_monotonic();

	(void)state;
	run(&r, "trap '' TERM INT HUP; echo $$; while :; do sleep 64; done");
	assert_true(clock_monotonic() - before < PATIENCE);
	assert_int_equal(r.end.signal, SIGKILL);
	assert_false(alive(printed_pid(&r)));
	buf_release(&r.output);
}

/* What a killed guard's command reports cannot be known; that it is gone can. */
static void
kill_guard(struct running *r)
{
	kill(process_id(r->process), SIGKILL);
}

static void
test_guard_killed(void **state)
{
	struct running r = {.on_output = kill_guard};

	(void)state;
	run(&r, "echo $$; exec sleep 65");
	assert_int_equal(r.end.signal, SIGKILL);
	for (int i = 0; alive(printed_pid(&r)) && i < 1000; i++)
		poll(NULL, 0, 10);
	assert_false(alive(printed_pid(&r)));
	buf_release(&r.output);
}

static void
die(struct running *r)
{
	ssize_t ignored = write(STDOUT_FILENO, r->output.data, r->output.len);

	(void)ignored;
	kill(getpid(), SIGKILL);
}

/* We are killed: the guard sees it, and kills what we started. */
static void
test_we_are_killed(void **state)
{
	int out[2], status;
	struct buf text;
	int64_t pid;
	ssize_t n;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(out), 0);
	child = fork();
	if (child == 0) {
		struct running r = {.on_output = die};

		dup2(out[1], STDOUT_FILENO);
		run(&r, "trap '' TERM INT HUP; echo $$; sleep 66; sleep 66");
		_exit(1);
	}
	close(out[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	buf_init(&text, 4096);
	n = read(out[0], buf_space(&text, 1024), 1024);
	assert_true(n > 0);
	buf_commit(&text, (size_t)n);
	assert_true(slice_int(slice_trim(buf_get(&text)), &pid));
	for (int i = 0; alive((pid_t)pid) && i < 1000; i++)
		poll(NULL, 0, 10);
	assert_false(alive((pid_t)pid));
	close(out[0]);
	buf_release(&text);
}

static void
test_no_descriptor_is_inherited(void **state)
{
	struct running r = {0};

	(void)state;
	run(&r, "ls /proc/self/fd | tr '\\n' ' '");
	/* The fourth is the directory that ls reads. */
	assert_string_equal(buf_cstr(&r.output), "0 1 2 3 ");
	buf_release(&r.output);
}

/* ---- the channel ---- */

struct talking {
	struct running r; /* first: the other callbacks have it as their context */
	struct buf heard;
	bool closed;
	size_t hang_up_at; /* after so many bytes nothing more is sent */
};

static uint8_t *
channel_room(void *context, size_t *size)
{
	struct talking *t = context;

	*size = 65536;
	return buf_space(&t->heard, *size);
}

static void
channel_input(void *context, size_t len)
{
	struct talking *t = context;

	assert_false(t->closed);
	t->closed = len == 0;
	buf_commit(&t->heard, len);
	if (t->hang_up_at && t->heard.len >= t->hang_up_at) {
		t->hang_up_at = 0;
		process_send_end(t->r.process);
	}
}

static void
start_talking(struct talking *t, const char *command)
{
	struct process_spec spec = {.guard = own_path,
	    .command = command,
	    .room = room,
	    .output = output,
	    .channel_room = channel_room,
	    .channel_input = channel_input,
	    .ended = ended,
	    .context = t};
	struct err err;

	buf_init(&t->r.output, 1 << 20);
	buf_init(&t->heard, (size_t)64 << 20);
	t->r.loop = loop_new(&err);
	assert_non_null(t->r.loop);
	assert_int_equal(process_start(t->r.loop, &spec, &t->r.process, &err), 0);
}

/* What is sent comes back whole, whatever its size; standard output is a thing of its own. */
static void
test_channel(void **state)
{
	struct talking t = {.hang_up_at = (size_t)8 << 20};
	uint8_t *bytes = malloc(t.hang_up_at);
	size_t size = t.hang_up_at;
	struct err err;

	(void)state;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251);
	start_talking(&t, "echo said; test $TESTR_RPC_FD = 4; echo $?; cat <&4 >&4");
	for (size_t at = 0; at < size; at += size / 4)
		assert_int_equal(process_send(t.r.process, slice_of(bytes + at, size / 4), &err), 0);
	finish(&t.r);
	assert_true(t.closed);
	assert_int_equal(t.r.end.code, 0);
	assert_string_equal(buf_cstr(&t.r.output), "said\n0\n");
	assert_int_equal(t.heard.len, size);
	assert_memory_equal(t.heard.data, bytes, size);
	buf_release(&t.r.output);
	buf_release(&t.heard);
	free(bytes);
}

/* Standard input can be sent as well; its end ends cat. */
static void
test_sent_input(void **state)
{
	struct running r = {0};
	struct process_spec spec = {.guard = own_path,
	    .command = "cat; echo $TESTR_RPC_FD",
	    .send_input = true,
	    .room = room,
	    .output = output,
	    .ended = ended,
	    .context = &r};
	struct err err;

	(void)state;
	buf_init(&r.output, 1 << 20);
	r.loop = loop_new(&err);
	assert_int_equal(process_start(r.loop, &spec, &r.process, &err), 0);
	assert_int_equal(process_send(r.process, SLICE_LIT("one "), &err), 0);
	assert_int_equal(process_send(r.process, SLICE_LIT("two"), &err), 0);
	process_send_end(r.process);
	finish(&r);
	assert_int_equal(r.end.code, 0);
	assert_string_equal(buf_cstr(&r.output), "one two\n");
	buf_release(&r.output);
}

/* A process that takes nothing, and ends, loses what was sent. */
static void
test_channel_without_reader(void **state)
{
	struct talking t = {0};
	char bytes[100000] = {0};
	struct err err;

	(void)state;
	start_talking(&t, "exit 3");
	for (int i = 0; i < 100; i++)
		assert_int_equal(process_send(t.r.process, slice_of(bytes, sizeof(bytes)), &err), 0);
	finish(&t.r);
	assert_int_equal(t.r.end.code, 3);
	assert_true(t.closed);
	buf_release(&t.r.output);
	buf_release(&t.heard);
}

/* A daemon that keeps the channel open holds nobody up, and does not escape. */
static void
test_channel_kept_open(void **state)
{
	struct talking t = {0};

	(void)state;
	start_talking(&t, "setsid sleep 77 & exit 0");
	finish(&t.r);
	assert_int_equal(t.r.end.code, 0);
	assert_int_equal(t.r.end.left, 1);
	buf_release(&t.r.output);
	buf_release(&t.heard);
}

/* Our own environment may name a channel that is not the command's. */
static void
test_no_channel(void **state)
{
	struct running r = {0};

	(void)state;
	setenv(GUARD_CHANNEL_VARIABLE, "9", 1);
	run(&r, "echo \"[$TESTR_RPC_FD]\"");
	unsetenv(GUARD_CHANNEL_VARIABLE);
	assert_string_equal(buf_cstr(&r.output), "[]\n");
	buf_release(&r.output);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_output_and_status, no_children),
	    cmocka_unit_test_teardown(test_input_is_empty, no_children),
	    cmocka_unit_test_teardown(test_all_of_a_large_output, no_children),
	    cmocka_unit_test_teardown(test_missing_command, no_children),
	    cmocka_unit_test_teardown(test_killed_by_itself, no_children),
	    cmocka_unit_test_teardown(test_grandchild_keeps_the_pipe, no_children),
	    cmocka_unit_test_teardown(test_daemon_does_not_escape, no_children),
	    cmocka_unit_test_teardown(test_signal_reaches_the_group, no_children),
	    cmocka_unit_test_teardown(test_kill, no_children),
	    cmocka_unit_test_teardown(test_guard_killed, no_children),
	    cmocka_unit_test_teardown(test_we_are_killed, no_children),
	    cmocka_unit_test_teardown(test_no_descriptor_is_inherited, no_children),
	    cmocka_unit_test_teardown(test_channel, no_children),
	    cmocka_unit_test_teardown(test_sent_input, no_children),
	    cmocka_unit_test_teardown(test_channel_without_reader, no_children),
	    cmocka_unit_test_teardown(test_channel_kept_open, no_children),
	    cmocka_unit_test_teardown(test_no_channel, no_children),
	};
	ssize_t n;

	if (guard_called(argc, argv))
		return guard_main(argv);
	signal(SIGPIPE, SIG_IGN);
	n = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);
	if (n <= 0)
		return 1;
	own_path[n] = '\0';
	return cmocka_run_group_tests(tests, NULL, NULL);
}
