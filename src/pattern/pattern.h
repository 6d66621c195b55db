/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions in the dialect of Python's `re` over UTF-8, on PCRE2 with its JIT compiler where there
 * is one. The places where the two dialects write a thing differently (\Z, \v, \uXXXX, octal and group
 * numbers, "{,n}", "[[") are rewritten; what PCRE2 knows beyond Python works too, but for calls of groups, as
 * "(?R)". A subject that is not UTF-8 is taken with U+FFFD for what is wrong in it. Invariant: the work at each
 * place of a subject is bounded. An expression that would backtrack without end is an error there, never "no
 * match", since a filter that silently drops tests is worse than none. */
#ifndef PATTERN_H
#define PATTERN_H

#include "buf.h"
#include "err.h"

/* ^ and $ match at every line, as with re.MULTILINE. */
#define PATTERN_MULTILINE 1u

/* A compiled expression and the storage for its matches: one thread uses it at a time. */
struct pattern;

/* Compiles `text`, which is copied. The error (ERR_FAILED) says why it cannot, at which character counted
 * from 0, and of which expression. */
int pattern_compile(struct slice text, unsigned flags, struct pattern **out, struct err *err);
/* Accepts NULL. */
void pattern_free(struct pattern *p);

/* As re.search: 1 when a match is anywhere in the subject, 0 when there is none, -1 with err set. */
int pattern_search(struct pattern *p, struct slice subject, struct err *err);

/* As re.match: the match has to begin where the subject does. Returns as pattern_search; *out_match is then
 * the whole match, perhaps empty: a part of the subject, or, when that is not UTF-8, valid until the pattern
 * is used again. */
int pattern_match_start(struct pattern *p, struct slice subject, struct slice *out_match, struct err *err);

/* Sets what pattern_substitute puts in the place of a match, in the syntax of re.sub: \1, \g<1>, \g<name>,
 * \g<0> for groups (a group without a match is empty), \n, \t and kin, \ooo octal, \\. A group that the
 * expression does not have, or a bad escape, is an error here. `text` is copied and takes the place of an
 * earlier one. */
int pattern_set_replacement(struct pattern *p, struct slice text, struct err *err);

/* As re.sub: appends the subject to out with every match replaced, left to right, not overlapping; matches
 * are dropped when no replacement was set. Returns 0, or -1 with err set; an `out` that is full is told by
 * its own `failed`. */
int pattern_substitute(struct pattern *p, struct slice subject, struct buf *out, struct err *err);

#endif
