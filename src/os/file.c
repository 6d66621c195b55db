/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEMP_RANDOM 8

int
file_error(const struct file_dir *dir, const char *name, const char *verb, struct err *err)
{
	return err_sys(err, "cannot %s %s%s%s", verb, dir->path ? dir->path : "", dir->path ? "/" : "", name);
}

static int
open_again(const struct file_dir *dir, const char *name, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(dir->fd, name, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

void
file_claim_standard(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			return;
}

int
file_open(const struct file_dir *dir, const char *name, int flags, mode_t mode, struct err *err)
{
	int fd = open_again(dir, name, flags, mode);

	return fd < 0 ? file_error(dir, name, "open", err) : fd;
}

ssize_t
file_read_at(int fd, void *data, size_t len, uint64_t offset)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, (uint8_t *)data + got, len - got, (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int
file_read(const struct file_dir *dir, const char *name, struct buf *out, struct err *err)
{
	ssize_t n;
	int fd = open_again(dir, name, O_RDONLY, 0), rc = 1;

	if (fd < 0)
		return errno == ENOENT ? 0 : file_error(dir, name, "open", err);
	do {
		uint8_t piece[16384];

		/* It may be a pipe, which has no places. */
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno != EINTR)
			rc = file_error(dir, name, "read", err);
		else if (n > 0)
			buf_add(out, piece, (size_t)n);
	} while ((n > 0 || (n < 0 && rc > 0)) && !out->failed);
	close(fd);
	if (rc > 0 && out->failed)
		return err_set(err, ERR_FAILED, "%s%s%s is too large", dir->path ? dir->path : "",
		    dir->path ? "/" : "", name);
	return rc;
}

int
file_write(int fd, struct slice data, size_t *written)
{
	size_t done = 0;
	int rc = 0;

	while (done < data.len) {
		ssize_t n = write(fd, data.data + done, data.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = -1;
			break;
		}
		done += (size_t)n;
	}
	if (written)
		*written = done;
	return rc;
}

int
file_create_temp(const struct file_dir *dir, const char *prefix, mode_t mode, char *name, size_t name_size,
    struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	size_t len = strlen(prefix);
	int fd;

	if (len + TEMP_RANDOM + 1 > name_size) {
		errno = ENAMETOOLONG;
		return file_error(dir, prefix, "create", err);
	}
	memcpy(name, prefix, len);
	name[len + TEMP_RANDOM] = '\0';
	do {
		uint8_t random[TEMP_RANDOM];

		if (getentropy(random, sizeof(random)))
			return file_error(dir, prefix, "find a name for", err);
		for (size_t i = 0; i < TEMP_RANDOM; i++)
			name[len + i] = letters[random[i] % 32];
		fd = open_again(dir, name, O_RDWR | O_CREAT | O_EXCL, mode);
	} while (fd < 0 && errno == EEXIST);
	return fd < 0 ? file_error(dir, name, "create", err) : fd;
}

/* A durable file with these contents under a name of its own. */
static int
write_temp(const struct file_dir *dir, struct slice contents, mode_t mode, char *name, size_t name_size,
    struct err *err)
{
	int fd = file_create_temp(dir, ".new-", mode, name, name_size, err), rc = 0;

	if (fd < 0)
		return -1;
	if (file_write(fd, contents, NULL) || fsync(fd))
		rc = file_error(dir, name, "write", err);
	if (close(fd) && rc == 0)
		rc = file_error(dir, name, "write", err);
	if (rc)
		unlinkat(dir->fd, name, 0);
	return rc;
}

int
file_create(const struct file_dir *dir, const char *name, struct slice contents, mode_t mode, struct err *err)
{
	char temp[32];
	int rc = 1;

	if (write_temp(dir, contents, mode, temp, sizeof(temp), err))
		return -1;
	/* Unlike rename, link never takes the place of a file that is there. */
	if (linkat(dir->fd, temp, dir->fd, name, 0))
		rc = errno == EEXIST ? 0 : file_error(dir, name, "create", err);
	unlinkat(dir->fd, temp, 0);
	return rc;
}

int
file_replace(
    const struct file_dir *dir, const char *name, struct slice contents, mode_t mode, struct err *err)
{
	char temp[32];

	if (write_temp(dir, contents, mode, temp, sizeof(temp), err))
		return -1;
	if (renameat(dir->fd, temp, dir->fd, name) == 0)
		return 0;
	file_error(dir, name, "replace", err);
	unlinkat(dir->fd, temp, 0);
	return -1;
}

int
file_scratch(bool small, struct err *err)
{
	int fd = small ? -1 : open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("testr", MFD_CLOEXEC);
	return fd < 0 ? err_sys(err, "cannot make a temporary file") : fd;
}

int
file_lock(int fd, bool wait)
{
	int rc;

	do
		rc = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
	while (rc && errno == EINTR);
	if (rc && errno == EWOULDBLOCK)
		return 0;
	return rc ? -1 : 1;
}

int
file_sync_dir(const struct file_dir *dir, struct err *err)
{
	int fd = file_open(dir, ".", O_RDONLY | O_DIRECTORY, 0, err), rc = 0;

	if (fd < 0)
		return -1;
	if (fsync(fd))
		rc = file_error(dir, ".", "sync", err);
	close(fd);
	return rc;
}
