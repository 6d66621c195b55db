/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as the directory of a dbm.dumb database, any bytes as its data: what is set is there again after
 * opening it anew, and what else could be read still can be. */
#include "dbm_dumb.h"
#include "fuzz_place.h"

#define NAME "times.dbm"
#define VALUE_MAX ((size_t)1 << 16)

static int
get(const struct file_dir *dir, struct slice key, struct buf *out)
{
	struct dbm_dumb *d;
	struct err err = {0};
	int rc;

	buf_init(out, VALUE_MAX);
	LAW(dbm_dumb_open(dir, NAME, &d, &err) == 0);
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

	LAW(dbm_dumb_open_write(dir, NAME, &d, &err) == 0);
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
	struct slice key = take_bytes(&in), other = take_bytes(&in), value = take_bytes(&in);
	struct buf before, after;
	struct file_dir dir;
	struct err err = {0};
	struct place place;
	int kind, rc;

	place_init(&place);
	dir = (struct file_dir){.path = place.path, .fd = place.fd};
	place_write(&place, NAME ".dat", take_bytes(&in));
	place_write(&place, NAME ".dir", in);
	kind = dbm_dumb_probe(&dir, NAME, &err);
	LAW(kind >= DBM_NONE && kind <= DBM_OTHER);
	rc = get(&dir, other, &before);
	if (set(&dir, key, value)) {
		LAW(dbm_dumb_probe(&dir, NAME, &err) == DBM_DUMB);
		LAW(get(&dir, key, &after) == 1);
		LAW(slice_eq(buf_get(&after), value));
		buf_release(&after);
		LAW(get(&dir, other, &after) == (slice_eq(key, other) ? 1 : rc));
		buf_release(&after);
	}
	buf_release(&before);
	place_release(&place);
	return 0;
}
