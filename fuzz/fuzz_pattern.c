/* SPDX-License-Identifier: Apache-2.0
 *
 * An expression, a replacement and a subject, a line each and the rest: searching, matching and replacing
 * agree with each other. */
#include "fuzz.h"
#include "pattern.h"
#include "utf8.h"

/* Replacing each match by itself changes nothing. */
static void
law_of_identity(struct pattern *p, struct slice subject, int found)
{
	struct err err = {0};
	struct buf out;

	buf_init(&out, FUZZ_MAX);
	LAW(pattern_set_replacement(p, SLICE_LIT("\\g<0>"), &err) == 0);
	if (pattern_substitute(p, subject, &out, &err) == 0) {
		LAW(err.kind == ERR_NONE && !out.failed);
		LAW(!utf8_valid(subject) || slice_eq(buf_get(&out), subject));
	} else {
		LAW(err.text[0] && found != 0);
	}
	buf_release(&out);
}

static void
law_of_replacement(struct pattern *p, struct slice replacement, struct slice subject, int found)
{
	struct err err = {0};
	struct buf out;

	buf_init(&out, FUZZ_MAX);
	if (pattern_set_replacement(p, replacement, &err)) {
		LAW(err.text[0]);
	} else if (pattern_substitute(p, subject, &out, &err) == 0) {
		LAW(found || !utf8_valid(subject) || slice_eq(buf_get(&out), subject));
		LAW(!utf8_valid(replacement) || utf8_valid(buf_get(&out)));
	} else {
		LAW(err.text[0] && found != 0);
	}
	buf_release(&out);
}

/* A match from the start is a part of the subject, and begins there unless the expression says otherwise (\K is
 * PCRE2's). */
static void
law_of_place(struct slice text, struct slice subject, struct slice match)
{
	LAW(match.data >= subject.data && match.len <= subject.len);
	LAW((size_t)(match.data - subject.data) <= subject.len - match.len);
	LAW(match.data == subject.data || slice_search(text, SLICE_LIT("\\K")) < text.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), text, replacement = SLICE_NONE, match;
	unsigned flags = take_byte(&in) & 1 ? PATTERN_MULTILINE : 0;
	struct pattern *p = NULL;
	struct err err = {0};
	int found, at_start;

	if (!slice_split(&in, '\n', &text) || !slice_split(&in, '\n', &replacement) || !in.data)
		return 0;
	if (pattern_compile(text, flags, &p, &err)) {
		LAW(err.kind == ERR_FAILED && err.text[0] && !p);
		return 0;
	}
	LAW(p && err.kind == ERR_NONE);
	found = pattern_search(p, in, &err);
	LAW(found == 0 || found == 1 || (found == -1 && err.text[0]));
	err = (struct err){0};
	at_start = pattern_match_start(p, in, &match, &err);
	LAW(at_start == 0 || at_start == 1 || (at_start == -1 && err.text[0]));
	LAW(at_start != 1 || found == 1);
	if (at_start == 1 && utf8_valid(in))
		law_of_place(text, in, match);
	law_of_replacement(p, replacement, in, found);
	law_of_identity(p, in, found);
	pattern_free(p);
	return 0;
}
