/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file.h"
#include "holder.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that waits to be ended, with or without the lock of the file. */
static pid_t
start(const char *path, bool locks, char name[HOLDER_NAME_MAX])
{
	int ends[2];
	pid_t pid;

	assert_return_code(pipe(ends), 0);
	pid = fork();
	assert_return_code(pid, 0);
	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		char own[HOLDER_NAME_MAX] = "";

		if (fd < 0 || (locks && file_lock(fd, false) != 1) || !holder_self(own) ||
		    write(ends[1], own, sizeof(own)) != sizeof(own))
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(HOLDER_NAME_MAX, read(ends[0], name, HOLDER_NAME_MAX));
	close(ends[0]);
	return pid;
}

static void
end(pid_t pid, int expected)
{
	int status;

	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(expected, WTERMSIG(status));
}

static int
try_signal(const char *name, int fd)
{
	struct err err;

	return holder_signal(slice_str(name), fd, SIGINT, &err);
}

static void
test_only_the_holder_is_signalled(void **state)
{
	char path[] = "/tmp/test_holder.XXXXXX", other[] = "/tmp/test_holder.XXXXXX", with[HOLDER_NAME_MAX],
	     without[HOLDER_NAME_MAX], wrong[HOLDER_NAME_MAX], self[HOLDER_NAME_MAX];
	int fd = mkstemp(path), another = mkstemp(other);
	pid_t holder, bystander;
	int64_t start_time;

	(void)state;
	assert_return_code(fd, 0);
	assert_return_code(another, 0);
	holder = start(path, true, with);
	bystander = start(path, false, without);
	assert_int_equal(0, try_signal(without, fd));
	assert_int_equal(0, try_signal(with, another));
	/* Its number, but not its beginning: then it is another process. */
	assert_int_equal(1, sscanf(strchr(with, ' '), "%" SCNd64, &start_time));
	snprintf(wrong, sizeof(wrong), "%d %" PRId64, holder, start_time + 1);
	assert_int_equal(0, try_signal(wrong, fd));
	assert_true(holder_self(self));
	assert_int_equal(0, try_signal(self, fd));
	assert_int_equal(1, try_signal(with, fd));
	end(holder, SIGINT);
	assert_int_equal(0, try_signal(with, fd));
	kill(bystander, SIGTERM);
	end(bystander, SIGTERM);
	close(fd);
	close(another);
	unlink(path);
	unlink(other);
}

static void
test_what_is_no_name(void **state)
{
	static const char *const names[] = {"", "1", "x y", "-1 1", "0 0", "99999999999 1", "1 x"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(0, try_signal(names[i], STDIN_FILENO));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_only_the_holder_is_signalled),
	    cmocka_unit_test(test_what_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
