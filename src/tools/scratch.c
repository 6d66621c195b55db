/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_MAX ((size_t)4 << 20)
/* Above what one test adds. */
#define DATA_MAX ((size_t)1 << 30)
#define COPY_SIZE ((size_t)64 << 10)

const char *
scratch_directory(void)
{
	const char *path = getenv("TMPDIR");

	return path && *path ? path : "/tmp";
}

int
scratch_file(struct err *err)
{
	struct file_dir dir = {-1, scratch_directory()};
	char name[32];
	int fd;

	dir.fd = file_open(&FILE_CWD, dir.path, O_RDONLY | O_DIRECTORY, 0, err);
	if (dir.fd < 0)
		return -1;
	fd = file_create_temp(&dir, "subunit-", 0600, name, sizeof(name), err);
	if (fd >= 0)
		unlinkat(dir.fd, name, 0);
	close(dir.fd);
	return fd;
}

void
scratch_init(struct scratch *s)
{
	*s = (struct scratch){.fd = -1};
	buf_init(&s->data, DATA_MAX);
}

void
scratch_release(struct scratch *s)
{
	if (s->fd >= 0)
		close(s->fd);
	buf_release(&s->data);
}

int
scratch_settle(struct scratch *s, struct err *err)
{
	if (s->data.failed)
		return err_nomem(err);
	if (s->data.len < MEMORY_MAX)
		return 0;
	if (s->fd < 0)
		s->fd = scratch_file(err);
	if (s->fd < 0)
		return -1;
	if (file_write(s->fd, buf_get(&s->data), NULL))
		return err_sys(err, "cannot write a temporary file in %s (TMPDIR names another directory)",
		    scratch_directory());
	buf_clear(&s->data);
	return 0;
}

int
scratch_copy(const struct scratch *s, struct output *to, struct err *err)
{
	uint64_t at = 0;
	ssize_t n = s->fd < 0 ? 0 : 1;

	while (n > 0) {
		uint8_t *room = buf_space(&to->data, COPY_SIZE);

		if (!room)
			return err_nomem(err);
		n = file_read_at(s->fd, room, COPY_SIZE, at);
		if (n < 0)
			return err_sys(err, "cannot read a temporary file");
		buf_commit(&to->data, (size_t)n);
		at += (uint64_t)n;
		if (output_flush(to, err))
			return -1;
	}
	buf_slice(&to->data, buf_get(&s->data));
	return 0;
}
