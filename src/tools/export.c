/* SPDX-License-Identifier: Apache-2.0 */
#include "export.h"

#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES ((size_t)255)
/* Of a name with its parts: the path, from wherever it is looked at, has to be shorter than 4096 bytes. */
#define PATH_BYTES ((size_t)3072)
#define DEPTH_MAX 64
#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A name as the parts it has below the root. */
struct path {
	struct slice parts[DEPTH_MAX];
	size_t count;
};

/* Returns false when the name leads outside, or too deep, or is too long. */
static bool
path_split(struct path *path, struct slice name)
{
	struct slice rest = name, part;

	path->count = 0;
	if (slice_starts(name, SLICE_LIT("/")) || name.len > PATH_BYTES)
		return false;
	while (slice_split(&rest, '/', &part)) {
		if (!part.len || slice_eq(part, SLICE_LIT(".")))
			continue;
		if (slice_eq(part, SLICE_LIT(".."))) {
			if (!path->count)
				return false;
			path->count--;
		} else if (path->count == DEPTH_MAX) {
			return false;
		} else {
			path->parts[path->count++] = part;
		}
	}
	return true;
}

/* One part of all of the name. */
static void
path_flatten(struct path *path, struct slice name, struct buf *flat)
{
	bool dots = true;

	buf_clear(flat);
	name = slice_head(name, NAME_BYTES);
	for (size_t i = 0; i < name.len; i++)
		dots = dots && name.data[i] == '.';
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.data[i];

		buf_byte(flat, c == '/' || c == '\\' || dots ? '_' : c);
	}
	if (!name.len)
		buf_byte(flat, '_');
	path->parts[0] = buf_get(flat);
	path->count = 1;
}

/* Sets out to the part with the number behind it, 0 for none, cut between characters so that it is no longer
 * than names may be. */
static void
name_of(char *out, struct slice part, unsigned number)
{
	char tail[16] = "";
	size_t room;

	if (number)
		snprintf(tail, sizeof(tail), "-%u", number);
	room = NAME_BYTES - strlen(tail);
	if (part.len > room)
		part = slice_head(part, utf8_valid_prefix(slice_head(part, room)));
	snprintf(out, NAME_BYTES + 1, "%.*s%s", SLICE_FMT(part), tail);
}

/* Opens the directory that holds the last part, and makes what is missing on the way. -1 with errno set. */
static int
open_parent(int root, const struct path *path)
{
	char name[NAME_BYTES + 1];
	int fd = openat(root, ".", DIRECTORY_FLAGS);

	for (size_t i = 0; fd >= 0 && i + 1 < path->count; i++) {
		int next = -1, saved;

		name_of(name, path->parts[i], 0);
		if (mkdirat(fd, name, 0777) == 0 || errno == EEXIST)
			next = openat(fd, name, DIRECTORY_FLAGS);
		saved = errno;
		close(fd);
		errno = saved;
		fd = next;
	}
	return fd;
}

static int
make(int parent, const char *name, bool directory)
{
	if (!directory)
		return openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (mkdirat(parent, name, 0777))
		return -1;
	return openat(parent, name, DIRECTORY_FLAGS);
}

static bool
is_taken(int parent, struct slice part, unsigned number)
{
	char name[NAME_BYTES + 1];
	struct stat st;

	name_of(name, part, number);
	return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A number that is free, behind one that is taken; 0 is taken. Found by doubling and halving, as thousands of
 * tests may have one name. */
static unsigned
find_free(int parent, struct slice part)
{
	unsigned taken = 0, unused = 1;

	while (is_taken(parent, part, unused) && unused < UINT_MAX / 2) {
		taken = unused;
		unused *= 2;
	}
	while (unused - taken > 1) {
		unsigned middle = taken + (unused - taken) / 2;

		if (is_taken(parent, part, middle))
			taken = middle;
		else
			unused = middle;
	}
	return unused;
}

/* Makes the last part of the path, if that name is taken with a number behind it. */
static int
make_last(int root, const struct path *path, bool directory)
{
	struct slice last = path->parts[path->count - 1];
	int parent = open_parent(root, path), fd, saved;
	char name[NAME_BYTES + 1];
	unsigned number = 0;

	if (parent < 0)
		return -1;
	name_of(name, last, 0);
	fd = make(parent, name, directory);
	if (fd < 0 && errno == EEXIST)
		number = find_free(parent, last);
	for (; fd < 0 && number; number = errno == EEXIST ? number + 1 : 0) {
		name_of(name, last, number);
		fd = make(parent, name, directory);
	}
	saved = errno;
	close(parent);
	errno = saved;
	return fd;
}

static int export(int root, struct slice name, bool directory, struct err *err)
{
	struct path path;
	struct buf flat;
	int fd = -1;

	buf_init(&flat, PATH_BYTES);
	if (path_split(&path, name)) {
		if (!path.count && directory)
			fd = openat(root, ".", DIRECTORY_FLAGS);
		else if (path.count)
			fd = make_last(root, &path, directory);
		if (fd >= 0)
			goto out;
	}
	path_flatten(&path, name, &flat);
	fd = make_last(root, &path, directory);
	if (fd < 0)
		err_sys(err, "cannot make \"%.*s\"", SLICE_FMT(slice_head(name, 200)));
out:
	buf_release(&flat);
	return fd;
}

int
export_directory(int root, struct slice name, struct err *err)
{
	return export(root, name, true, err);
}

int
export_file(int root, struct slice name, struct err *err)
{
	return export(root, name, false, err);
}
