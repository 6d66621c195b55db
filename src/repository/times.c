/* SPDX-License-Identifier: Apache-2.0 */
#include "times.h"

#include "dbm_dumb.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME "times.dbm"
#define VALUE_MAX 4096

/* The key of an id; `out` holds it when it is not the id itself. */
static struct slice
key_of(enum times_key key, struct slice id, struct buf *out)
{
	size_t open = slice_find(id, '['), close = slice_find(id, ']');

	if (key == TIMES_ID || open == 0 || open == id.len || close == id.len || close < open)
		return id;
	buf_clear(out);
	buf_slice(out, slice_head(id, open));
	buf_slice(out, slice_from(id, close + 1));
	return out->failed ? id : buf_get(out);
}

int
times_store(const struct file_dir *dir, enum times_key key, const struct strtab *ids,
    const int64_t *durations, struct err *err)
{
	struct dbm_dumb *times;
	struct buf stripped;
	int rc = dbm_dumb_probe(dir, NAME, err);

	if (rc < 0 || rc == DBM_OTHER)
		return rc < 0 ? -1 : 0;
	if (dbm_dumb_open_write(dir, NAME, &times, err))
		return -1;
	buf_init(&stripped, SIZE_MAX / 4);
	rc = 0;
	for (size_t i = 0; rc == 0 && i < ids->len; i++) {
		int64_t us = durations[i] / 1000;
		char text[40];

		if (durations[i] < 0)
			continue;
		/* Six digits always, so that a value mostly keeps its length: it is overwritten in place. */
		snprintf(text, sizeof(text), "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
		rc = dbm_dumb_set(times, key_of(key, strtab_get(ids, i), &stripped), slice_str(text), err);
	}
	buf_release(&stripped);
	if (rc == 0)
		rc = dbm_dumb_commit(times, err);
	dbm_dumb_free(times);
	return rc;
}

/* Reads a duration; -1 for what is none, such as the negative numbers that are stored when a clock was set
 * back. */
static int64_t
parse_seconds(struct slice s)
{
	int64_t value = 0, power = 0;
	int scale = 9;
	bool point = false;
	size_t i;

	for (i = 0; i < s.len && s.data[i] != 'e'; i++) {
		if (s.data[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s.data[i] < '0' || s.data[i] > '9')
			return -1;
		/* Digits after the seventeenth only count as places. */
		if (value < INT64_C(10000000000000000)) {
			value = value * 10 + (s.data[i] - '0');
			scale -= point;
		} else {
			scale += !point;
		}
		if (scale > 40)
			return -1;
	}
	if (i < s.len && (!slice_int(slice_from(s, i + 1), &power) || power > 40 || power < -400))
		return -1;
	for (scale += (int)power; scale < 0 && value; scale++)
		value /= 10;
	for (; scale > 0 && value; scale--) {
		if (value > INT64_MAX / 10)
			return -1;
		value *= 10;
	}
	return s.len ? value : -1;
}

int
times_load(
    const struct file_dir *dir, enum times_key key, const struct strtab *ids, int64_t *out, struct err *err)
{
	struct dbm_dumb *times;
	struct buf text, stripped;
	int rc = dbm_dumb_probe(dir, NAME, err);

	if (rc < 0 || rc != DBM_DUMB)
		return rc < 0 ? -1 : 0;
	if (dbm_dumb_open(dir, NAME, &times, err))
		return -1;
	buf_init(&text, VALUE_MAX);
	buf_init(&stripped, SIZE_MAX / 4);
	for (size_t i = 0; rc >= 0 && i < ids->len; i++) {
		rc = dbm_dumb_get(times, key_of(key, strtab_get(ids, i), &stripped), &text, err);
		if (rc > 0)
			out[i] = parse_seconds(buf_get(&text));
	}
	buf_release(&stripped);
	buf_release(&text);
	dbm_dumb_free(times);
	return rc < 0 ? -1 : 1;
}
