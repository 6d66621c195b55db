/* SPDX-License-Identifier: Apache-2.0 */
#include "idfile.h"

#include "buf.h"
#include "file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* The ids are gathered in pieces of this size. */
#define PIECE ((size_t)1024 * 1024)

/* $TMPDIR, $TEMP or $TMP, as Python's tempfile looks for it. */
static const char *
temporary_directory(void)
{
	static const char *const names[] = {"TMPDIR", "TEMP", "TMP"};

	for (int i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);

		if (value && *value && access(value, W_OK) == 0)
			return value;
	}
	return "/tmp";
}

static int
write_ids(int fd, const struct template_ids *ids)
{
	struct buf piece;
	int rc = 0;

	buf_init(&piece, SIZE_MAX / 2);
	for (size_t i = 0; i < ids->count && rc == 0; i++) {
		buf_slice(&piece, template_id(ids, i));
		buf_byte(&piece, '\n');
		if (piece.len >= PIECE || i + 1 == ids->count) {
			rc = piece.failed ? -1 : file_write(fd, buf_get(&piece), NULL);
			buf_clear(&piece);
		}
	}
	buf_release(&piece);
	return rc;
}

int
idfile_write(const struct template_ids *ids, char **out, struct err *err)
{
	struct buf path;
	char *name;
	int fd, rc;

	buf_init(&path, 4096);
	buf_printf(&path, "%s/testr-XXXXXX", temporary_directory());
	name = buf_steal(&path);
	buf_release(&path);
	if (!name)
		return err_nomem(err);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0) {
		err_sys(err, "cannot make a file for the list of tests, %s", name);
		free(name);
		return -1;
	}
	rc = write_ids(fd, ids);
	if (rc < 0)
		err_sys(err, "cannot write the list of tests to %s", name);
	close(fd);
	if (rc < 0)
		idfile_remove(name);
	else
		*out = name;
	return rc;
}

void
idfile_remove(char *path)
{
	if (path)
		unlink(path);
	free(path);
}
