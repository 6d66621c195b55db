/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char path[64];
	struct file_dir dir;
};

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static int
set_up(void **state)
{
	struct place *place = *state;

	strcpy(place->path, "/tmp/test_file.XXXXXX");
	if (!mkdtemp(place->path))
		return -1;
	place->dir = (struct file_dir){open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), place->path};
	return place->dir.fd < 0;
}

static int
tear_down(void **state)
{
	struct place *place = *state;

	close(place->dir.fd);
	return nftw(place->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
expect_contents(const struct place *place, const char *name, struct slice want)
{
	struct buf got;
	struct err err;

	buf_init(&got, want.len);
	assert_int_equal(file_read(&place->dir, name, &got, &err), 1);
	assert_true(slice_eq(buf_get(&got), want));
	buf_release(&got);
}

/* No file but those named is left behind. */
static void
expect_entries(const struct place *place, unsigned want)
{
	DIR *names = opendir(place->path);
	unsigned count = 0;

	assert_non_null(names);
	for (struct dirent *entry; (entry = readdir(names));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(names);
	assert_int_equal(count, want);
}

static void
a_file_is_created_once_and_replaced_often(void **state)
{
	const struct place *place = *state;
	struct stat st;
	struct err err;

	assert_int_equal(file_create(&place->dir, "a", SLICE_LIT("one"), 0600, &err), 1);
	assert_int_equal(file_create(&place->dir, "a", SLICE_LIT("two"), 0600, &err), 0);
	expect_contents(place, "a", SLICE_LIT("one"));
	assert_int_equal(fstatat(place->dir.fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_replace(&place->dir, "a", SLICE_LIT("three\0four"), 0600, &err), 0);
	expect_contents(place, "a", SLICE_LIT("three\0four"));
	assert_int_equal(file_replace(&place->dir, "b", SLICE_LIT(""), 0600, &err), 0);
	expect_contents(place, "b", SLICE_LIT(""));
	assert_int_equal(file_sync_dir(&place->dir, &err), 0);
	expect_entries(place, 2);
	/* What cannot be replaced leaves nothing behind either. */
	assert_int_equal(mkdirat(place->dir.fd, "directory", 0700), 0);
	assert_int_equal(file_replace(&place->dir, "directory", SLICE_LIT("x"), 0600, &err), -1);
	assert_non_null(strstr(err.text, "/directory: "));
	expect_entries(place, 3);
}

static void
reading_keeps_to_the_maximum(void **state)
{
	const struct place *place = *state;
	static uint8_t bytes[40000];
	struct buf got;
	struct err err;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	assert_int_equal(file_replace(&place->dir, "a", slice_of(bytes, sizeof(bytes)), 0600, &err), 0);
	expect_contents(place, "a", slice_of(bytes, sizeof(bytes)));
	buf_init(&got, sizeof(bytes) - 1);
	assert_int_equal(file_read(&place->dir, "a", &got, &err), -1);
	assert_non_null(strstr(err.text, "too large"));
	buf_clear(&got);
	assert_int_equal(file_read(&place->dir, "none", &got, &err), 0);
	assert_int_equal(file_read(&place->dir, ".", &got, &err), -1);
	buf_release(&got);
}

static void
reading_at_an_offset_ends_with_the_file(void **state)
{
	const struct place *place = *state;
	char got[8] = "";
	struct err err;
	int fd;

	assert_int_equal(file_replace(&place->dir, "a", SLICE_LIT("0123456789"), 0600, &err), 0);
	fd = file_open(&place->dir, "a", O_RDONLY, 0, &err);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_read_at(fd, got, 4, 3), 4);
	assert_memory_equal(got, "3456", 4);
	assert_int_equal(file_read_at(fd, got, 8, 7), 3);
	assert_int_equal(file_read_at(fd, got, 8, 70), 0);
	close(fd);
	assert_int_equal(file_read_at(fd, got, 8, 0), -1);
	assert_int_equal(file_open(&place->dir, "none", O_RDONLY, 0, &err), -1);
	assert_non_null(strstr(err.text, "/none: No such file"));
}

static void
writing_says_how_far_it_came(void **state)
{
	size_t written = 99;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(file_write(fd, SLICE_LIT("abc"), &written), -1);
	assert_int_equal(written, 0);
	close(fd);
}

static void
one_holds_the_lock(void **state)
{
	const struct place *place = *state;
	struct err err;
	char name[32];
	int first = file_create_temp(&place->dir, "lock-", 0600, name, sizeof(name), &err), second;

	assert_true(first >= 0);
	assert_int_equal(strlen(name), 13);
	second = file_open(&place->dir, name, O_RDONLY, 0, &err);
	assert_int_equal(file_lock(first, false), 1);
	assert_int_equal(file_lock(second, false), 0);
	close(first);
	assert_int_equal(file_lock(second, true), 1);
	close(second);
	assert_int_equal(file_create_temp(&place->dir, "lock-", 0600, name, 13, &err), -1);
}

#define LAW(name) \
	{ \
#name, name, set_up, tear_down, &place \
	}

int
main(void)
{
	static struct place place;
	const struct CMUnitTest laws[] = {
	    LAW(a_file_is_created_once_and_replaced_often),
	    LAW(reading_keeps_to_the_maximum),
	    LAW(reading_at_an_offset_ends_with_the_file),
	    LAW(writing_says_how_far_it_came),
	    LAW(one_holds_the_lock),
	};

	return cmocka_run_group_tests(laws, NULL, NULL);
}
