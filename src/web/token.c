/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include "clock.h"
#include "file.h"
#include "timefmt.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)256 << 10)
/* The time of a change is that coarse: within it a second change is not seen by it. */
#define UNSETTLED (2 * TIME_SECOND)

static int
hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_hash(struct slice text, uint8_t out[SHA256_DIGEST_SIZE])
{
	if (text.len != 2 * SHA256_DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
		int high = hex(text.data[2 * i]), low = hex(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
read_scopes(struct slice text, unsigned *out)
{
	struct slice word;
	unsigned scopes = 0;

	while (slice_split(&text, ',', &word)) {
		if (slice_eq(word, SLICE_LIT("read")))
			scopes |= TOKEN_READ;
		else if (slice_eq(word, SLICE_LIT("write")))
			scopes |= TOKEN_READ | TOKEN_WRITE;
		else
			return false;
	}
	*out = scopes;
	return scopes != 0;
}

static int
read_line(struct tokens *t, struct slice line, const char *path, unsigned number, struct err *err)
{
	struct slice hash, scopes;
	struct token token = {0};

	if (!slice_word(&line, &hash) || hash.data[0] == '#')
		return 0;
	if (!slice_word(&line, &scopes) || !read_hash(hash, token.hash) ||
	    !read_scopes(scopes, &token.scopes))
		return err_set(err, ERR_FAILED,
		    "%s, line %u: this is no token; a line is the SHA-256 of the token, then \"read\" or \"write\", then a name",
		    path, number);
	if (t->count == TOKEN_COUNT_MAX)
		return err_set(err, ERR_FAILED, "%s has more than %d tokens", path, TOKEN_COUNT_MAX);
	line = slice_head(slice_trim(line), sizeof(token.name) - 1);
	while (line.len && !utf8_valid(line))
		line.len--;
	if (line.len)
		memcpy(token.name, line.data, line.len);
	t->tokens[t->count++] = token;
	return 0;
}

static int
read_lines(struct tokens *t, struct slice text, const char *path, struct err *err)
{
	struct slice line;

	t->tokens = calloc(TOKEN_COUNT_MAX, sizeof(*t->tokens));
	if (!t->tokens)
		return err_nomem(err);
	for (unsigned number = 1; slice_split(&text, '\n', &line); number++)
		if (read_line(t, line, path, number, err) < 0)
			return -1;
	return 0;
}

/* Into one that has none. */
static int
read_file(struct tokens *t, const char *path, struct err *err)
{
	struct stat st;
	struct buf text;
	int rc;

	if (stat(path, &st) == 0 && st.st_mode & S_IWOTH)
		return err_set(
		    err, ERR_FAILED, "%s can be changed by everybody; `chmod o-w` mends that", path);
	buf_init(&text, FILE_MAX);
	rc = file_read(&FILE_CWD, path, &text, err);
	if (rc == 0)
		rc = err_set(err, ERR_FAILED, "there is no file %s", path);
	else if (rc > 0)
		rc = read_lines(t, buf_get(&text), path, err);
	buf_release(&text);
	return rc;
}

static struct token_file
look_at(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return (struct token_file){0};
	return (struct token_file){.device = st.st_dev,
	    .inode = st.st_ino,
	    .size = (uint64_t)st.st_size,
	    .changed = (int64_t)st.st_ctim.tv_sec * TIME_SECOND + st.st_ctim.tv_nsec};
}

int
tokens_read(struct tokens *t, const char *path, struct err *err)
{
	*t = (struct tokens){.path = path};
	if (library_nettle(&t->nettle, err) < 0)
		return -1;
	if (!path)
		return 0;
	t->read_at = clock_realtime();
	t->seen = look_at(path);
	return read_file(t, path, err);
}

static bool
same_file(const struct token_file *a, const struct token_file *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed == b->changed;
}

int
tokens_refresh(struct tokens *t, struct err *err)
{
	struct token_file now;
	struct tokens fresh = {0};
	int64_t time = clock_realtime();
	bool same;
	int rc = 0;

	if (!t->path)
		return 0;
	now = look_at(t->path);
	same = same_file(&now, &t->seen);
	if (same && (!now.inode || t->read_at - now.changed > UNSETTLED))
		return 0;
	t->seen = now;
	t->read_at = time;
	if (now.inode)
		rc = read_file(&fresh, t->path, err);
	if (rc == 0) {
		free(t->tokens);
		t->tokens = fresh.tokens;
		t->count = fresh.count;
	} else {
		free(fresh.tokens);
	}
	return rc && !same ? err_wrap(err, "the tokens stay as they were") : 0;
}

void
tokens_release(struct tokens *t)
{
	free(t->tokens);
	*t = (struct tokens){0};
}

unsigned
tokens_scopes(const struct tokens *t, const char *authorization, char name[TOKEN_NAME_MAX])
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct slice token;
	struct sha256_ctx sha;
	unsigned scopes = 0;

	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
		return 0;
	token = slice_trim(slice_str(authorization + 7));
	t->nettle.nettle_sha256_init(&sha);
	t->nettle.nettle_sha256_update(&sha, token.len, token.data);
	t->nettle.nettle_sha256_digest(&sha, sizeof(hash), hash);
	for (size_t i = 0; i < t->count; i++) {
		unsigned differs = 0;

		for (size_t j = 0; j < sizeof(hash); j++)
			differs |= (unsigned)(hash[j] ^ t->tokens[i].hash[j]);
		if (differs)
			continue;
		scopes |= t->tokens[i].scopes;
		if (name)
			memcpy(name, t->tokens[i].name, TOKEN_NAME_MAX);
	}
	return scopes;
}

void
tokens_uid(const struct tokens *t, struct slice text, unsigned number, char out[33])
{
	uint8_t hash[SHA256_DIGEST_SIZE], tail[5] = {0, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
					      (uint8_t)(number >> 8), (uint8_t)number};
	struct sha256_ctx sha;

	t->nettle.nettle_sha256_init(&sha);
	t->nettle.nettle_sha256_update(&sha, text.len, text.data);
	t->nettle.nettle_sha256_update(&sha, sizeof(tail), tail);
	t->nettle.nettle_sha256_digest(&sha, sizeof(hash), hash);
	for (size_t i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}
