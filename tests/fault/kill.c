/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into testr, kills it at the FAULT_AT-th call that changes a file: before the call or, with FAULT_HALF,
 * after it, a write being done by half. At an ordinary exit the number of calls goes to the file FAULT_COUNT. The
 * processes that testr starts are left alone. */
/* Both names of a call with an offset are meant. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
	pid_t process;
	long at, calls;
	bool half;
	const char *count;
} fault;

__attribute__((constructor)) static void
begin(void)
{
	const char *at = getenv("FAULT_AT");

	fault.process = getpid();
	fault.at = at ? atol(at) : 0;
	fault.half = getenv("FAULT_HALF") != NULL;
	fault.count = getenv("FAULT_COUNT");
	unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void
end(void)
{
	FILE *f = fault.count && getpid() == fault.process ? fopen(fault.count, "w") : NULL;

	if (f) {
		fprintf(f, "%ld\n", fault.calls);
		fclose(f);
	}
}

/* True when this is the call. */
static bool
due(void)
{
	if (getpid() != fault.process || ++fault.calls != fault.at)
		return false;
	if (!fault.half)
		kill(fault.process, SIGKILL);
	return true;
}

static void *
next(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		abort();
	return function;
}

/* A call that is done whole or not at all. */
#define WHOLE(type, name, parameters, arguments) \
	type name parameters; \
	type name parameters \
	{ \
		bool last = due(); \
		type result = ((type(*) parameters)next(#name))arguments; \
\
		if (last) \
			kill(fault.process, SIGKILL); \
		return result; \
	}

/* One that writes n bytes. */
#define PART(name, parameters, half, whole) \
	ssize_t name parameters; \
	ssize_t name parameters \
	{ \
		ssize_t(*function) parameters = (ssize_t(*) parameters)next(#name); \
\
		if (due()) { \
			if (function half < 0) \
				abort(); \
			kill(fault.process, SIGKILL); \
		} \
		return function whole; \
	}

PART(write, (int fd, const void *data, size_t n), (fd, data, n / 2), (fd, data, n))
PART(pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n / 2, at), (fd, data, n, at))
PART(pwrite64, (int fd, const void *data, size_t n, off_t at), (fd, data, n / 2, at), (fd, data, n, at))
WHOLE(int, fsync, (int fd), (fd))
WHOLE(int, fdatasync, (int fd), (fd))
WHOLE(int, ftruncate, (int fd, off_t size), (fd, size))
WHOLE(int, ftruncate64, (int fd, off_t size), (fd, size))
WHOLE(int, unlink, (const char *name), (name))
WHOLE(int, unlinkat, (int dir, const char *name, int flags), (dir, name, flags))
WHOLE(int, linkat, (int from, const char *old, int to, const char *name, int flags),
    (from, old, to, name, flags))
WHOLE(int, renameat, (int from, const char *old, int to, const char *name), (from, old, to, name))
WHOLE(int, mkdirat, (int dir, const char *name, mode_t mode), (dir, name, mode))

/* Only those that may make a file count. */
#define OPEN(name, parameters, arguments) \
	int name parameters; \
	int name parameters \
	{ \
		bool last = (flags & O_CREAT) && due(); \
		mode_t mode = 0; \
		va_list more; \
		int fd; \
\
		if (flags & (O_CREAT | O_TMPFILE)) { \
			va_start(more, flags); \
			mode = (mode_t)va_arg(more, int); \
			va_end(more); \
		} \
		fd = ((int(*) parameters)next(#name))arguments; \
		if (last) \
			kill(fault.process, SIGKILL); \
		return fd; \
	}

OPEN(open64, (const char *name, int flags, ...), (name, flags, mode))
OPEN(openat, (int dir, const char *name, int flags, ...), (dir, name, flags, mode))
OPEN(openat64, (int dir, const char *name, int flags, ...), (dir, name, flags, mode))
