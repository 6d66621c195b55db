/* SPDX-License-Identifier: Apache-2.0
 *
 * Strict UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF. Pure. */
#ifndef UTF8_H
#define UTF8_H

#include "buf.h"

/* The length of the longest prefix of s that is whole, valid characters. */
size_t utf8_valid_prefix(struct slice s);

bool utf8_valid(struct slice s);

/* True when s could still become valid by more bytes after it: it is valid, or ends in the middle of a
 * character that is valid so far. */
bool utf8_could_be_valid(struct slice s);

/* Appends s to out with one U+FFFD for each maximal ill-formed part (as the Unicode standard and Python's
 * "replace" do). */
void utf8_replace(struct buf *out, struct slice s);
/* The same, with a U+FFFD for each NUL too: what an id or a name can hold. */
void utf8_mend(struct buf *out, struct slice s);

/* Appends bytes that are ISO-8859-1 to out as UTF-8. */
void utf8_from_latin1(struct buf *out, struct slice s);

/* The number of characters, an ill-formed byte counting as one. */
size_t utf8_length(struct slice s);

/* The longest prefix of at most `count` characters, counted the same way. */
struct slice utf8_head(struct slice s, size_t count);

/* The code point of one whole, valid character. */
uint32_t utf8_code_point(struct slice character);

/* Without the white space at both ends, by what Python's str.strip() takes for it; s is valid. */
struct slice utf8_trim(struct slice s);

/* True when Python's repr() shows the character and not its number. Characters that Unicode has not given out
 * count as shown, those in its last planes apart. */
bool utf8_is_printable(uint32_t code_point);

/* The longest prefix that a terminal shows in at most `columns` columns: wide characters (East Asian ones,
 * pictures) take two, combining ones none, control characters and ill-formed bytes one. */
struct slice utf8_fit(struct slice s, size_t columns);

#endif
