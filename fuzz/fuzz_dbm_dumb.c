/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as the directory of a dbm.dumb database, any bytes as its data: what is set is there again after
 * opening it anew, and what else could be read still can be. */
#include "dbm_dumb.h"
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#define VALUE_MAX ((size_t)1 << 16)

static void
write_file(const struct file_dir *dir, const char *name, struct slice bytes)
{
	int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	LAW(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
	close(fd);
}

static int
get(const struct file_dir *dir, struct slice key, struct buf *out)
{
	struct dbm_dumb *d;
	struct err err = {0};
	int rc;

	buf_init(out, VALUE_MAX);
	LAW(dbm_dumb_open(dir, "times.dbm", &d, &err) == 0);
	rc = dbm_dumb_get(d, key, out, &err);
	LAW(rc >= 0 || err.text[0]);
	dbm_dumb_free(d);
	return rc;
}

/* True when it could be set: what stands in the directory may lie beyond what a file can be. */
static bool
set(const struct file_dir *dir, struct slice key, struct slice value)
{
	struct dbm_dumb *d;
	struct err err = {0};
	int rc;

	LAW(dbm_dumb_open_write(dir, "times.dbm", &d, &err) == 0);
	rc = dbm_dumb_set(d, key, value, &err);
	LAW(rc == 0 || err.text[0]);
	if (rc == 0)
		LAW(dbm_dumb_commit(d, &err) == 0);
	dbm_dumb_free(d);
	return rc == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct slice key = take_bytes(&in), other = take_bytes(&in), value = take_bytes(&in),
		     bytes = take_bytes(&in);
	/* In memory where there is such a place: what is replaced is written through to the disk. */
	char shared[] = "/dev/shm/fuzz_dbm_XXXXXX", other_path[] = "/tmp/fuzz_dbm_XXXXXX";
	char *path = mkdtemp(shared) ? shared : mkdtemp(other_path);
	struct buf before, after;
	struct file_dir dir;
	struct err err = {0};
	int kind, rc;

	LAW(path != NULL);
	dir = (struct file_dir){.path = path, .fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	LAW(dir.fd >= 0);
	write_file(&dir, "times.dbm.dir", in);
	write_file(&dir, "times.dbm.dat", bytes);
	kind = dbm_dumb_probe(&dir, "times.dbm", &err);
	LAW(kind >= DBM_NONE && kind <= DBM_OTHER);
	rc = get(&dir, other, &before);
	if (set(&dir, key, value)) {
		LAW(dbm_dumb_probe(&dir, "times.dbm", &err) == DBM_DUMB);
		LAW(get(&dir, key, &after) == 1);
		LAW(slice_eq(buf_get(&after), value));
		buf_release(&after);
		LAW(get(&dir, other, &after) == (slice_eq(key, other) ? 1 : rc));
		buf_release(&after);
	}
	buf_release(&before);
	LAW(unlinkat(dir.fd, "times.dbm.dir", 0) == 0 && unlinkat(dir.fd, "times.dbm.dat", 0) == 0);
	close(dir.fd);
	LAW(rmdir(path) == 0);
	return 0;
}
