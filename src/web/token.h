/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may do what: bearer tokens, of which only hashes are kept.
 *
 * The file has a line a token: the SHA-256 of the token in hexadecimal, what it may do ("read", "write" or
 * "read,write"), and a name for people. Empty lines and those that begin with '#' are none. Invariant: a token can
 * be told right or wrong only as a whole: the time that takes says nothing about its parts. */
#ifndef TOKEN_H
#define TOKEN_H

#include "library.h"
#include "slice.h"

enum token_scope {
	TOKEN_READ = 1,
	TOKEN_WRITE = 2, /* to change anything; includes reading */
};

#define TOKEN_COUNT_MAX 1000
#define TOKEN_NAME_MAX 64

struct tokens {
	struct nettle nettle;
	const char *path; /* borrowed; NULL: there is no file */
	/* The file as it was when it was read last, and when that was; no inode: there was none. */
	struct token_file {
		uint64_t device, inode, size;
		int64_t changed;
	} seen;
	int64_t read_at;
	struct token {
		uint8_t hash[SHA256_DIGEST_SIZE];
		unsigned scopes;
		char name[TOKEN_NAME_MAX]; /* as far as there is room for it */
	} * tokens;
	size_t count;
};

/* Reads the file; NULL: there are none. A file that others than its owner and group may change is refused. */
int tokens_read(struct tokens *t, const char *path, struct err *err);
/* Reads it again if it is not as it was. -1 when it is wrong, once for each change: then the tokens that were known
 * stay; when it is gone, none is known any more. For one thread. */
int tokens_refresh(struct tokens *t, struct err *err);
/* Accepts one that was not read to its end. */
void tokens_release(struct tokens *t);

/* What the one with this header Authorization may do; 0 also without one. `name`, when not NULL, becomes that of the
 * token, or stays as it is. */
unsigned tokens_scopes(const struct tokens *t, const char *authorization, char name[TOKEN_NAME_MAX]);

/* Thirty-two hexadecimal digits that depend on the text and the number, and on every byte of them. */
void tokens_uid(const struct tokens *t, struct slice text, unsigned number, char out[33]);

#endif
