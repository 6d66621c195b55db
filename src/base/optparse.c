/* SPDX-License-Identifier: Apache-2.0 */
#include "optparse.h"

#include "utf8.h"

#include <string.h>

/* The arguments while they are walked: those below `kept` are positional, those from `next` on are still to
 * be read. */
struct walk {
	const struct option *options;
	char **args;
	size_t kept, next, end;
	option_fn met;
	void *context;
};

static bool
is_end(const struct option *option)
{
	return !option->letter && !option->name;
}

/* The values are the rest of the argument that held the option, when there is one, and then the arguments
 * that follow. */
static int
take_values(struct walk *w, const struct option *option, const char *dashes, const char *name, char *attached,
    struct err *err)
{
	size_t need = option->kind == OPTION_VALUE2 ? 2 : option->kind == OPTION_VALUE ? 1 : 0;
	char *values[2] = {NULL, NULL};
	size_t have = 0;

	if (need && attached)
		values[have++] = attached;
	if (need - have > w->end - w->next && option->lacking)
		return err_set(err, ERR_USAGE, "argument %s%s: %s", dashes, name, option->lacking);
	if (need - have > w->end - w->next)
		return err_set(err, ERR_USAGE, "%s%s option requires %zu argument%s", dashes, name, need,
		    need == 1 ? "" : "s");
	while (have < need)
		values[have++] = w->args[w->next++];
	return w->met(w->context, option, values, err);
}

/* The names that begin with `prefix` are listed in the order of the alphabet, whatever their order in the
 * table. */
static int
ambiguous(const struct option *options, struct slice prefix, struct err *err)
{
	const char *last = "", *least;
	struct buf names;

	buf_init(&names, sizeof(err->text));
	do {
		least = NULL;
		for (const struct option *o = options; !is_end(o); o++)
			if (o->name && slice_starts(slice_str(o->name), prefix) &&
			    strcmp(o->name, last) > 0 && (!least || strcmp(o->name, least) < 0))
				least = o->name;
		if (least)
			buf_printf(&names, "%s--%s", *last ? ", " : "", least);
		last = least;
	} while (least);
	err_set(err, ERR_USAGE, "ambiguous option: --%.*s (%.*s?)", SLICE_FMT(prefix),
	    SLICE_FMT(buf_get(&names)));
	buf_release(&names);
	return -1;
}

/* `text` is what stands behind the two dashes. */
static int
long_option(struct walk *w, char *text, struct err *err)
{
	char *equals = strchr(text, '=');
	struct slice prefix = equals ? slice_of(text, (size_t)(equals - text)) : slice_str(text);
	const struct option *found = NULL;
	size_t matches = 0;

	for (const struct option *o = w->options; !is_end(o); o++) {
		if (!o->name || !slice_starts(slice_str(o->name), prefix))
			continue;
		found = o;
		matches++;
		if (o->name[prefix.len] == '\0') {
			matches = 1;
			break;
		}
	}
	if (matches == 0)
		return err_set(err, ERR_USAGE, "no such option: --%.*s", SLICE_FMT(prefix));
	if (matches > 1)
		return ambiguous(w->options, prefix, err);
	if (equals && found->kind == OPTION_FLAG)
		return err_set(err, ERR_USAGE, "--%s option does not take a value", found->name);
	return take_values(w, found, "--", found->name, equals ? equals + 1 : NULL, err);
}

/* The length of the character at the front of s; 0 when there is no valid one. */
static size_t
character_length(struct slice s)
{
	for (size_t n = 1; n <= 4 && n <= s.len; n++)
		if (utf8_valid(slice_head(s, n)))
			return n;
	return 0;
}

static int
unknown_letter(struct slice rest, struct err *err)
{
	size_t len = character_length(rest);

	return err_set(err, ERR_USAGE, "no such option: -%.*s", SLICE_FMT(slice_head(rest, len ? len : 1)));
}

/* `text` is what stands behind the dash, at least one letter. */
static int
short_options(struct walk *w, char *text, struct err *err)
{
	while (*text) {
		const struct option *o = w->options;
		char *rest = text + 1;

		while (!is_end(o) && o->letter != *text)
			o++;
		if (is_end(o))
			return unknown_letter(slice_str(text), err);
		if (take_values(w, o, "-", (char[]){*text, '\0'}, *rest ? rest : NULL, err))
			return -1;
		if (o->kind != OPTION_FLAG)
			break;
		text = rest;
	}
	return 0;
}

int
optparse(const struct option *options, char **args, size_t count, bool keep_dashes, option_fn met,
    void *context, size_t *positionals, struct err *err)
{
	struct walk w = {options, args, 0, 0, count, met, context};

	/* A "--" that is kept is no value either: "-d --" lacks its argument. */
	if (keep_dashes) {
		w.end = 0;
		while (w.end < count && strcmp(args[w.end], "--") != 0)
			w.end++;
	}
	while (w.next < w.end) {
		char *arg = args[w.next++];
		int result = 0;

		if (strcmp(arg, "--") == 0)
			break;
		if (arg[0] == '-' && arg[1] == '-')
			result = long_option(&w, arg + 2, err);
		else if (arg[0] == '-' && arg[1])
			result = short_options(&w, arg + 1, err);
		else
			args[w.kept++] = arg;
		if (result)
			return -1;
	}
	while (w.next < count)
		args[w.kept++] = args[w.next++];
	*positionals = w.kept;
	return 0;
}

/* Python's int(text, base): one prefix that fits the base, and single underscores between digits. */
static bool
parse_digits(struct slice s, int base, bool negative, long *out)
{
	uint8_t letter = base == 16 ? 'x' : base == 8 ? 'o' : base == 2 ? 'b' : 0;
	bool underscore_may_follow = false, ends_in_digit = false;
	long value = 0;

	if (letter && s.len >= 2 && s.data[0] == '0' && (s.data[1] | 0x20) == letter) {
		s = slice_from(s, 2);
		underscore_may_follow = true;
	}
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i], lower = c | 0x20;
		int digit = c >= '0' && c <= '9'           ? c - '0'
			    : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
							   : 16;

		ends_in_digit = digit < base;
		if (!ends_in_digit && (c != '_' || !underscore_may_follow))
			return false;
		underscore_may_follow = ends_in_digit;
		if (ends_in_digit && (__builtin_mul_overflow(value, base, &value) ||
					 __builtin_add_overflow(value, negative ? -digit : digit, &value)))
			return false;
	}
	if (ends_in_digit)
		*out = value;
	return ends_in_digit;
}

/* The base is read off before the blanks and the sign are taken away, so that "-010" is ten and "0b-1" a
 * number. */
static bool
parse_int(struct slice s, long *out)
{
	bool negative = false;
	int base = 10;

	if (s.len && s.data[0] == '0') {
		uint8_t second = s.len > 1 ? s.data[1] | 0x20 : 0;

		base = second == 'x' ? 16 : second == 'b' ? 2 : 8;
		if (base == 2)
			s = s.len > 2 ? slice_from(s, 2) : SLICE_LIT("0");
	}
	s = slice_trim(s);
	if (s.len && (s.data[0] == '-' || s.data[0] == '+')) {
		negative = s.data[0] == '-';
		s = slice_from(s, 1);
	}
	return parse_digits(s, base, negative, out);
}

int
optparse_int(const struct option *option, const char *text, long *out, struct err *err)
{
	struct buf quoted;

	if (parse_int(slice_str(text), out))
		return 0;
	buf_init(&quoted, sizeof(err->text));
	optparse_quote(&quoted, slice_str(text));
	if (option->name)
		err_set(err, ERR_USAGE, "option --%s: invalid integer value: %.*s", option->name,
		    SLICE_FMT(buf_get(&quoted)));
	else
		err_set(err, ERR_USAGE, "option -%c: invalid integer value: %.*s", option->letter,
		    SLICE_FMT(buf_get(&quoted)));
	buf_release(&quoted);
	return -1;
}

/* A character that cannot be seen is shown by its number. */
static void
add_character(struct buf *out, struct slice character)
{
	uint32_t value = utf8_code_point(character);

	if (utf8_is_printable(value))
		buf_slice(out, character);
	else
		buf_printf(out, value < 0x100 ? "\\x%02x" : value < 0x10000 ? "\\u%04x" : "\\U%08x", value);
}

void
optparse_quote_part(struct buf *out, struct slice text, uint8_t quote)
{
	while (text.len) {
		size_t len = character_length(text);
		uint8_t c = text.data[0];

		if (len == 0)
			buf_printf(out, "\\udc%02x", c);
		else if (c == quote || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\t' || c == '\n' || c == '\r')
			buf_printf(out, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : 'r');
		else
			add_character(out, slice_head(text, len));
		text = slice_from(text, len ? len : 1);
	}
}

uint8_t
optparse_quote_mark(bool has_single, bool has_double)
{
	return has_single && !has_double ? '"' : '\'';
}

void
optparse_quote(struct buf *out, struct slice text)
{
	uint8_t quote =
	    optparse_quote_mark(slice_find(text, '\'') < text.len, slice_find(text, '"') < text.len);

	buf_byte(out, quote);
	optparse_quote_part(out, text, quote);
	buf_byte(out, quote);
}

void
optparse_shell_word(struct buf *out, struct slice argument)
{
	bool plain = argument.len > 0;

	for (size_t i = 0; i < argument.len; i++) {
		uint8_t c = argument.data[i];

		plain &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			 (c && strchr("_-./:,+@%=", c));
	}
	if (plain) {
		buf_slice(out, argument);
		return;
	}
	buf_byte(out, '\'');
	for (size_t i = 0; i < argument.len; i++) {
		if (argument.data[i] == '\'')
			buf_str(out, "'\\'");
		buf_byte(out, argument.data[i]);
	}
	buf_byte(out, '\'');
}
