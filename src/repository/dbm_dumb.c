/* SPDX-License-Identifier: Apache-2.0 */
#include "dbm_dumb.h"

#include "strtab.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512
/* Enough for millions of keys. */
#define DIR_MAX ((size_t)1 << 30)
#define KEY_MAX ((size_t)8 << 20)
#define NAME_MAX_HERE 64

struct place {
	int64_t position, size;
};

struct dbm_dumb {
	struct file_dir dir; /* the path is borrowed */
	char dir_name[NAME_MAX_HERE], dat_name[NAME_MAX_HERE];
	int fd; /* of NAME.dat */
	int64_t end;
	struct strtab keys;
	struct place *places; /* of the value of each key */
	size_t cap;
};

static bool
exists(const struct file_dir *dir, const char *name, const char *suffix, struct stat *st)
{
	char full[NAME_MAX_HERE];

	snprintf(full, sizeof(full), "%s%s", name, suffix);
	return fstatat(dir->fd, full, st, 0) == 0;
}

int
dbm_dumb_probe(const struct file_dir *dir, const char *name, struct err *err)
{
	char full[NAME_MAX_HERE];
	struct stat st, dat;
	char first = '\0';
	int fd;

	if ((exists(dir, name, ".pag", &st) && exists(dir, name, ".dir", &st)) ||
	    exists(dir, name, ".db", &st))
		return DBM_OTHER;
	if (exists(dir, name, ".dat", &dat) && exists(dir, name, ".dir", &st)) {
		if (dat.st_size == 0)
			return DBM_DUMB;
		snprintf(full, sizeof(full), "%s.dir", name);
		fd = file_open(dir, full, O_RDONLY, 0, err);
		if (fd < 0)
			return -1;
		if (file_read_at(fd, &first, 1, 0) < 0)
			first = '\0';
		close(fd);
		if (first == '\'' || first == '"')
			return DBM_DUMB;
	}
	return exists(dir, name, "", &st) ? DBM_OTHER : DBM_NONE;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Reads the escape after a backslash at the front of *s. */
static bool
parse_escape(struct slice *s, struct buf *out)
{
	static const char from[] = "\\'\"nrtabfv0", to[] = "\\'\"\n\r\t\a\b\f\v\0";
	uint8_t c = s->len ? s->data[0] : 0;

	*s = slice_from(*s, 1);
	if (c == 'x' && s->len >= 2 && hex_digit(s->data[0]) >= 0 && hex_digit(s->data[1]) >= 0) {
		buf_byte(out, (uint8_t)(hex_digit(s->data[0]) * 16 + hex_digit(s->data[1])));
		*s = slice_from(*s, 2);
		return true;
	}
	for (size_t i = 0; from[i]; i++)
		if (c == (uint8_t)from[i]) {
			buf_byte(out, (uint8_t)to[i]);
			return true;
		}
	return false;
}

/* Reads a string literal at the front of *s. */
static bool
parse_key(struct slice *s, struct buf *out)
{
	uint8_t quote = s->len ? s->data[0] : 0;

	buf_clear(out);
	if (quote != '\'' && quote != '"')
		return false;
	*s = slice_from(*s, 1);
	while (s->len && s->data[0] != quote) {
		uint8_t c = s->data[0];

		*s = slice_from(*s, 1);
		if (c != '\\')
			buf_byte(out, c);
		else if (!parse_escape(s, out))
			return false;
	}
	if (!s->len)
		return false;
	*s = slice_from(*s, 1);
	return !out->failed;
}

/* Reads ", (position, size)". */
static bool
parse_place(struct slice s, struct place *out)
{
	struct slice position, size;

	s = slice_trim(s);
	if (!slice_starts(s, SLICE_LIT(",")) || !slice_ends(s, SLICE_LIT(")")))
		return false;
	s = slice_trim(slice_from(s, 1));
	if (!slice_starts(s, SLICE_LIT("(")))
		return false;
	s = slice_from(slice_head(s, s.len - 1), 1);
	if (!slice_split(&s, ',', &position) || !slice_split(&s, ',', &size) || s.data)
		return false;
	return slice_int(slice_trim(position), &out->position) && slice_int(slice_trim(size), &out->size) &&
	       out->position >= 0 && out->size >= 0 && out->size <= INT32_MAX;
}

/* The index of the key's place, made if need be; STRTAB_NONE when out of memory. */
static size_t
place_of(struct dbm_dumb *d, struct slice key, bool *added)
{
	if (d->keys.len == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 64;
		struct place *places = reallocarray(d->places, cap, sizeof(*places));

		if (!places)
			return STRTAB_NONE;
		d->places = places;
		d->cap = cap;
	}
	return strtab_add(&d->keys, key, added);
}

static int
parse_dir(struct dbm_dumb *d, struct slice text, struct err *err)
{
	struct slice line;
	struct buf key;
	int rc = 0;

	buf_init(&key, KEY_MAX);
	while (rc == 0 && slice_split(&text, '\n', &line)) {
		struct place place;
		size_t i;

		if (!parse_key(&line, &key) || !parse_place(line, &place))
			continue;
		i = place_of(d, buf_get(&key), NULL);
		if (i == STRTAB_NONE)
			rc = err_nomem(err);
		else
			d->places[i] = place;
	}
	buf_release(&key);
	return rc;
}

static int
open_files(struct dbm_dumb *d, int flags, struct err *err)
{
	struct buf text;
	struct stat st;
	int rc;

	d->fd = file_open(&d->dir, d->dat_name, flags, 0666, err);
	if (d->fd < 0)
		return -1;
	if (fstat(d->fd, &st))
		return file_error(&d->dir, d->dat_name, "look at", err);
	d->end = st.st_size;
	buf_init(&text, DIR_MAX);
	rc = file_read(&d->dir, d->dir_name, &text, err);
	if (rc > 0)
		rc = parse_dir(d, buf_get(&text), err);
	buf_release(&text);
	return rc;
}

static int
open_with(const struct file_dir *dir, const char *name, int flags, struct dbm_dumb **out, struct err *err)
{
	struct dbm_dumb *d = calloc(1, sizeof(*d));

	if (!d)
		return err_nomem(err);
	d->dir = *dir;
	d->fd = -1;
	snprintf(d->dir_name, sizeof(d->dir_name), "%s.dir", name);
	snprintf(d->dat_name, sizeof(d->dat_name), "%s.dat", name);
	if (open_files(d, flags, err)) {
		dbm_dumb_free(d);
		return -1;
	}
	*out = d;
	return 0;
}

int
dbm_dumb_open(const struct file_dir *dir, const char *name, struct dbm_dumb **out, struct err *err)
{
	return open_with(dir, name, O_RDONLY, out, err);
}

int
dbm_dumb_open_write(const struct file_dir *dir, const char *name, struct dbm_dumb **out, struct err *err)
{
	return open_with(dir, name, O_RDWR | O_CREAT, out, err);
}

void
dbm_dumb_free(struct dbm_dumb *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	strtab_release(&d->keys);
	free(d->places);
	free(d);
}

int
dbm_dumb_get(struct dbm_dumb *d, struct slice key, struct buf *out, struct err *err)
{
	size_t i = strtab_find(&d->keys, key);
	uint8_t *space;
	ssize_t n;

	if (i == STRTAB_NONE)
		return 0;
	buf_clear(out);
	space = buf_space(out, (size_t)d->places[i].size);
	if (!space)
		return err_set(err, ERR_FAILED, "a value in %s is too large", d->dat_name);
	n = file_read_at(d->fd, space, (size_t)d->places[i].size, (uint64_t)d->places[i].position);
	if (n < 0)
		return file_error(&d->dir, d->dat_name, "read", err);
	buf_commit(out, (size_t)n);
	return 1;
}

static int
write_at(struct dbm_dumb *d, struct slice value, int64_t position)
{
	while (value.len) {
		ssize_t n = pwrite(d->fd, value.data, value.len, position);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		value = slice_from(value, (size_t)n);
		position += n;
	}
	return 0;
}

static int64_t
blocks(int64_t size)
{
	return (size + BLOCK - 1) / BLOCK;
}

int
dbm_dumb_set(struct dbm_dumb *d, struct slice key, struct slice value, struct err *err)
{
	struct place place = {0, (int64_t)value.len};
	bool added;
	size_t i = place_of(d, key, &added);

	if (i == STRTAB_NONE)
		return err_nomem(err);
	/* As the original does: in the blocks it has, or at the end; blocks that were left are never used
	 * again. */
	if (!added && blocks(place.size) <= blocks(d->places[i].size))
		place.position = d->places[i].position;
	else
		place.position = blocks(d->end) * BLOCK;
	if (added)
		d->places[i] = (struct place){place.position, 0};
	if (write_at(d, value, place.position))
		return file_error(&d->dir, d->dat_name, "write", err);
	if (place.position + place.size > d->end)
		d->end = place.position + place.size;
	d->places[i] = place;
	return 0;
}

static void
add_literal(struct buf *out, struct slice key)
{
	buf_byte(out, '\'');
	for (size_t i = 0; i < key.len; i++) {
		uint8_t c = key.data[i];

		if (c == '\'' || c == '\\')
			buf_byte(out, '\\');
		if (c < 0x20 || c >= 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_byte(out, c);
	}
	buf_byte(out, '\'');
}

int
dbm_dumb_commit(struct dbm_dumb *d, struct err *err)
{
	struct buf text;
	int rc;

	buf_init(&text, DIR_MAX);
	for (size_t i = 0; i < d->keys.len; i++) {
		add_literal(&text, strtab_get(&d->keys, i));
		buf_printf(&text, ", (%" PRId64 ", %" PRId64 ")\n", d->places[i].position, d->places[i].size);
	}
	rc = text.failed ? err_set(err, ERR_FAILED, "%s would be too large", d->dir_name)
			 : file_replace(&d->dir, d->dir_name, buf_get(&text), 0666, err);
	buf_release(&text);
	return rc;
}
