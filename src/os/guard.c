/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include "buf.h"
#include "clock.h"
#include "slice.h"
#include "timefmt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct guard {
	pid_t shell;
	bool shell_ended;
	bool childless;
	int64_t kill_at; /* monotonic; when what is left is killed */
	int signals;     /* signalfd */
};

/* In the child: becomes the shell. The mask is what the guard itself was started with. */
static void
become_shell(const char *command, bool channel, const sigset_t *mask, pid_t guard)
{
	char number[16];

	setpgid(0, 0);
	/* If the guard is killed the shell goes as well; the second line covers a guard that is gone already. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != guard)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	/* Nor does the command get what we were given by whoever started us. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	snprintf(number, sizeof(number), "%d", GUARD_CHANNEL_FD);
	/* One of ours that was inherited would be taken for a channel. */
	if (!channel)
		unsetenv(GUARD_CHANNEL_VARIABLE);
	else if (fcntl(GUARD_CHANNEL_FD, F_SETFD, 0) || setenv(GUARD_CHANNEL_VARIABLE, number, 1))
		_exit(127);
	execl("/bin/sh", "/bin/sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Appends the command line of a process, its arguments separated by blanks. */
static void
add_command_line(struct buf *out, pid_t pid)
{
	char path[64], bytes[256];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, bytes, sizeof(bytes));
		close(fd);
	}
	for (ssize_t i = 0; i < n; i++)
		if (i + 1 < n || bytes[i])
			buf_byte(out, (uint8_t)bytes[i] < ' ' ? ' ' : (uint8_t)bytes[i]);
}

/* Says one line on the control socket. That nobody listens any more shows when it is read. */
static void
say(struct buf *line)
{
	ssize_t ignored = write(GUARD_CONTROL_FD, line->data, line->len);

	(void)ignored;
}

static void
say_exit(int status)
{
	struct buf line;

	buf_init(&line, 256);
	buf_printf(&line, "exit %d %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	say(&line);
	buf_release(&line);
}

/* Kills each present child, telling which when `tell` is set. Their own children become ours by that and are
 * met in the next call. Returns false when the system does not say which they are. */
static bool
kill_children(bool tell)
{
	char path[64];
	struct buf line;
	FILE *list;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	list = fopen(path, "re");
	if (!list)
		return false;
	buf_init(&line, 1024);
	while (fscanf(list, "%d", &pid) == 1) {
		if (tell) {
			buf_clear(&line);
			buf_printf(&line, "left %d ", pid);
			add_command_line(&line, pid);
			buf_byte(&line, '\n');
			say(&line);
		}
		kill(pid, SIGKILL);
	}
	buf_release(&line);
	fclose(list);
	return true;
}

/* Collects every child that has ended. */
static void
reap(struct guard *g)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != g->shell)
			continue;
		g->shell_ended = true;
		g->kill_at = clock_monotonic() + GUARD_DRAIN * (TIME_SECOND / 1000);
		say_exit(status);
	}
	g->childless = pid < 0 && errno == ECHILD;
}

/* Kills everything below the guard and waits until it is gone. */
static void
kill_all(struct guard *g, bool tell)
{
	bool known = kill_children(tell);

	kill(-g->shell, SIGKILL);
	while (known) {
		struct pollfd fd = {.fd = g->signals, .events = POLLIN};
		struct signalfd_siginfo info;

		reap(g);
		if (g->childless)
			return;
		known = kill_children(false);
		/* A process that is orphaned after it was looked for sends us no signal, hence the short
		 * wait. */
		if (poll(&fd, 1, 10) > 0 && read(g->signals, &info, sizeof(info)) < 0)
			return;
	}
}

/* Passes signals on that we are asked to send. Returns false when the other side is gone. */
static bool
forward_signals(struct guard *g)
{
	uint8_t numbers[16];
	ssize_t n = read(GUARD_CONTROL_FD, numbers, sizeof(numbers));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	for (ssize_t i = 0; i < n; i++)
		kill(-g->shell, numbers[i]);
	return true;
}

/* Until the command and all that it started are gone. */
static int
watch(struct guard *g)
{
	struct pollfd fds[2] = {
	    {.fd = g->signals, .events = POLLIN},
	    {.fd = GUARD_CONTROL_FD, .events = POLLIN},
	};

	while (!g->childless) {
		int wait = -1, ready;
		struct signalfd_siginfo info;

		if (g->shell_ended) {
			int64_t left = (g->kill_at - clock_monotonic()) / (TIME_SECOND / 1000);

			wait = left > 0 ? (int)left : 0;
		}
		ready = poll(fds, 2, wait);
		if (ready == 0) {
			kill_all(g, true);
			return 0;
		}
		if (ready < 0)
			continue;
		if ((fds[0].revents & POLLIN) && read(g->signals, &info, sizeof(info)) == sizeof(info) &&
		    info.ssi_signo != SIGCHLD) {
			kill_all(g, false);
			return 128 + (int)info.ssi_signo;
		}
		if (fds[1].revents && !forward_signals(g)) {
			kill_all(g, false);
			return 1;
		}
		reap(g);
	}
	return 0;
}

/* The command has the real standard streams, and the channel; the guard must not hold them open. */
static void
let_go_of_streams(bool channel)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		if (null >= 0)
			dup2(null, fd);
		else
			close(fd);
	if (null > 2)
		close(null);
	if (channel)
		close(GUARD_CHANNEL_FD);
}

bool
guard_called(int argc, char *const *argv)
{
	return argc == 3 &&
	       (strcmp(argv[1], GUARD_ARGUMENT) == 0 || strcmp(argv[1], GUARD_CHANNEL_ARGUMENT) == 0);
}

int
guard_main(char *const *argv)
{
	bool channel = strcmp(argv[1], GUARD_CHANNEL_ARGUMENT) == 0;
	struct guard g = {0};
	sigset_t handled, before;
	pid_t self = getpid();

	sigemptyset(&handled);
	sigaddset(&handled, SIGCHLD);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGHUP);
	sigprocmask(SIG_BLOCK, &handled, &before);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fcntl(GUARD_CONTROL_FD, F_SETFD, FD_CLOEXEC);
	g.signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
	g.shell = fork();
	if (g.shell == 0)
		become_shell(argv[2], channel, &before, self);
	if (g.shell < 0 || g.signals < 0)
		return 127;
	setpgid(g.shell, g.shell);
	let_go_of_streams(channel);
	return watch(&g);
}
