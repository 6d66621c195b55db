/* SPDX-License-Identifier: Apache-2.0 */
#include "holder.h"

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the system says of a process, or of a descriptor. */
#define TEXT_MAX ((size_t)64 << 10)
/* Of /proc/PID/stat, from 0, behind the name of the program. */
#define STAT_START 19

static int
read_text(int dir, const char *name, struct buf *out)
{
	struct file_dir at = {dir, NULL};
	struct err ignored;

	return file_read(&at, name, out, &ignored);
}

/* When the process of a directory in /proc began. */
static bool
read_start(int process, int64_t *out)
{
	struct buf text;
	struct slice rest, word = SLICE_NONE;
	size_t name_end = 0;
	bool found;

	buf_init(&text, TEXT_MAX);
	found = read_text(process, "stat", &text) > 0;
	rest = buf_get(&text);
	for (size_t i = 0; i < rest.len; i++)
		name_end = rest.data[i] == ')' ? i + 1 : name_end;
	rest = slice_from(rest, name_end);
	for (int i = 0; found && i <= STAT_START; i++)
		found = slice_word(&rest, &word);
	found = found && slice_int(word, out);
	buf_release(&text);
	return found;
}

static int
open_process(int64_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%" PRId64, pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool
holder_self(char out[HOLDER_NAME_MAX])
{
	int process = open_process(getpid());
	int64_t start;
	bool known = process >= 0 && read_start(process, &start);

	if (process >= 0)
		close(process);
	if (known)
		snprintf(out, HOLDER_NAME_MAX, "%" PRId64 " %" PRId64, (int64_t)getpid(), start);
	return known;
}

/* True when the descriptor has an exclusive lock by file_lock: "lock: 1: FLOCK ADVISORY WRITE …". */
static bool
has_lock(int process, const char *descriptor)
{
	char name[300];
	struct buf text;
	struct slice rest, line;
	bool found = false;

	snprintf(name, sizeof(name), "fdinfo/%s", descriptor);
	buf_init(&text, TEXT_MAX);
	if (read_text(process, name, &text) > 0) {
		rest = buf_get(&text);
		while (!found && slice_split(&rest, '\n', &line))
			found = slice_starts(line, SLICE_LIT("lock:")) &&
				slice_search(line, SLICE_LIT("FLOCK")) < line.len &&
				slice_search(line, SLICE_LIT("WRITE")) < line.len;
	}
	buf_release(&text);
	return found;
}

/* True when the process has the lock of that file. */
static bool
holds(int process, const struct stat *file)
{
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *descriptors = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	struct stat st;
	bool found = false;

	if (!descriptors) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(descriptors)))
		found = fstatat(fd, entry->d_name, &st, 0) == 0 && st.st_dev == file->st_dev &&
			st.st_ino == file->st_ino && has_lock(process, entry->d_name);
	closedir(descriptors);
	return found;
}

int
holder_signal(struct slice name, int fd, int signal_number, struct err *err)
{
	struct slice word;
	struct stat file;
	int64_t pid, start, real_start;
	int handle, process, rc = 0;

	if (!slice_word(&name, &word) || !slice_int(word, &pid) || !slice_word(&name, &word) ||
	    !slice_int(word, &start) || pid <= 0 || pid > INT32_MAX || pid == getpid())
		return 0;
	if (fstat(fd, &file))
		return err_sys(err, "cannot look at a file");
	/* From here on it is one process, however numbers are given: all that follows is true of it or of a later one,
	 * and the signal goes to this one or, when it is gone, to none. */
	handle = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (handle < 0)
		return errno == ESRCH ? 0 : err_sys(err, "cannot open process %" PRId64, pid);
	process = open_process(pid);
	if (process >= 0 && read_start(process, &real_start) && real_start == start &&
	    holds(process, &file)) {
		rc = 1;
		if (syscall(SYS_pidfd_send_signal, handle, signal_number, NULL, 0))
			rc = errno == ESRCH || errno == EPERM
				 ? 0
				 : err_sys(err, "cannot signal process %" PRId64, pid);
	}
	if (process >= 0)
		close(process);
	close(handle);
	return rc;
}
