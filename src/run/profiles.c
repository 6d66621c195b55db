/* SPDX-License-Identifier: Apache-2.0 */
#include "profiles.h"

#include "buf.h"
#include "suggest.h"

#include <stdlib.h>
#include <string.h>

#define KIND "profile"
/* Keys that hold for a whole run or repository, so that no profile can have another value. */
static const char *const whole[] = {"profiles", "default_profiles", "repository", "unexpected_success",
    "filter_tags", "record_environment", "test_run_concurrency", "retries", "flaky_result", "run_timeout"};
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* A set of tags: bit i is that of tag i of p->tags. */
typedef uint64_t tagset;

/* ---- sections ---- */

/* A section [profile NAME]. */
struct overlay {
	size_t section;
	struct slice name;
	unsigned line;
	tagset tags;
	bool known;         /* all of its tags are */
	bool inherited;     /* by another */
	struct slice stray; /* the first tag that is not known */
};

struct overlays {
	struct overlay *list;
	size_t count;
};

/* The set of the words of a text; *stray becomes the first that is no tag. */
static bool
read_tags(const struct profiles *p, struct slice text, bool joined, tagset *out, struct slice *stray)
{
	struct slice word;
	size_t tag;

	*out = 0;
	while (joined ? slice_split(&text, '+', &word) : slice_word(&text, &word)) {
		word = slice_trim(word);
		tag = strtab_find(&p->tags, word);
		if (tag == STRTAB_NONE) {
			*stray = word;
			return false;
		}
		*out |= (tagset)1 << tag;
	}
	return true;
}

static struct overlay *
find_overlay(const struct overlays *o, struct slice name)
{
	for (size_t i = 0; i < o->count; i++)
		if (slice_eq(o->list[i].name, name))
			return &o->list[i];
	return NULL;
}

/* What is in `inherits` of a section has to be there. */
static int
mark_inherited(
    const struct profiles *p, const struct overlays *o, const struct overlay *from, struct err *err)
{
	const struct config_entry *e = config_section_get(p->config, from->section, "inherits");
	struct slice rest = e ? slice_str(e->value) : SLICE_NONE, word;

	while (slice_word(&rest, &word)) {
		struct overlay *other = find_overlay(o, word);
		struct suggest s;

		if (other) {
			other->inherited = true;
			continue;
		}
		suggest_init(&s, word);
		for (size_t i = 0; i < o->count; i++)
			suggest_offer(&s, o->list[i].name);
		return err_set(err, ERR_FAILED,
		    "%s:%u: there is no section [profile %.*s] to inherit from%s%.*s%s",
		    config_path(p->config), e->line, SLICE_FMT(word),
		    s.nearest.data ? "; did you mean '" : "", SLICE_FMT(s.nearest),
		    s.nearest.data ? "'?" : "");
	}
	return 0;
}

static int
check_keys(const struct profiles *p, const struct overlay *o, struct err *err)
{
	for (size_t i = 0; i < LENGTH(whole); i++) {
		const struct config_entry *e = config_section_get(p->config, o->section, whole[i]);

		if (e)
			return err_set(err, ERR_FAILED,
			    "%s:%u: %s holds for all profiles of a run: it can stand in [DEFAULT] alone",
			    config_path(p->config), e->line, whole[i]);
	}
	return 0;
}

/* The error of a tag that `profiles` does not name. */
static int
unknown_tag(const struct profiles *p, unsigned line, struct slice tag, enum err_kind kind, struct err *err)
{
	struct suggest s;

	suggest_init(&s, tag);
	for (size_t i = 0; i < p->tags.len; i++)
		suggest_offer(&s, strtab_get(&p->tags, i));
	if (kind == ERR_USAGE)
		return err_set(err, kind,
		    "there is no profile '%.*s': `profiles` in %s names its tags%s%.*s%s", SLICE_FMT(tag),
		    p->config ? config_path(p->config) : ".testr.conf",
		    s.nearest.data ? "; did you mean '" : "", SLICE_FMT(s.nearest),
		    s.nearest.data ? "'?" : "");
	return err_set(err, kind, "%s:%u: '%.*s' is none of the tags that `profiles` names%s%.*s%s",
	    config_path(p->config), line, SLICE_FMT(tag), s.nearest.data ? "; did you mean '" : "",
	    SLICE_FMT(s.nearest), s.nearest.data ? "'?" : "");
}

/* Every section of a profile has tags that are known, alone, or is there to be inherited. */
static int
check_overlays(const struct profiles *p, const struct overlays *o, struct err *err)
{
	for (size_t i = 0; i < o->count; i++)
		if (mark_inherited(p, o, &o->list[i], err) || check_keys(p, &o->list[i], err))
			return -1;
	for (size_t i = 0; i < o->count; i++) {
		const struct overlay *a = &o->list[i];

		if (!a->known && !a->inherited)
			return unknown_tag(p, a->line, a->stray, ERR_FAILED, err);
		for (size_t k = 0; a->known && k < i; k++)
			if (o->list[k].known && o->list[k].tags == a->tags)
				return err_set(err, ERR_FAILED,
				    "%s:%u: [profile %.*s] and [profile %.*s] have the same tags",
				    config_path(p->config), a->line, SLICE_FMT(o->list[k].name),
				    SLICE_FMT(a->name));
	}
	return 0;
}

/* Reads all sections; the list is freed by the caller. */
static int
read_overlays(const struct profiles *p, struct overlays *out, struct err *err)
{
	struct config_section section;
	size_t count = 0;

	*out = (struct overlays){0};
	while (p->config && config_section(p->config, count, &section))
		count++;
	out->list = calloc(count + 1, sizeof(*out->list));
	if (!out->list)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		struct overlay o = {.section = i};
		const struct config_entry *tags;

		config_section(p->config, i, &section);
		if (!config_section_is(&section, KIND, &o.name))
			continue;
		o.line = section.line;
		tags = config_section_get(p->config, i, "tags");
		o.known = read_tags(p, tags ? slice_str(tags->value) : o.name, !tags, &o.tags, &o.stray);
		out->list[out->count++] = o;
	}
	return check_overlays(p, out, err);
}

/* ---- profiles ---- */

/* Adds a section and what it inherits from. */
static void
add_sections(const struct profiles *p, const struct overlays *o, const struct overlay *from, size_t *sections,
    size_t *count)
{
	const struct config_entry *e = config_section_get(p->config, from->section, "inherits");
	struct slice rest = e ? slice_str(e->value) : SLICE_NONE, word;

	for (size_t i = 0; i < *count; i++)
		if (sections[i] == from->section)
			return;
	sections[(*count)++] = from->section;
	while (slice_word(&rest, &word))
		add_sections(p, o, find_overlay(o, word), sections, count);
}

/* The configuration of a set of tags. */
static int
make_config(
    const struct profiles *p, const struct overlays *o, tagset tags, struct config **out, struct err *err)
{
	size_t *sections = calloc(o->count + 1, sizeof(*sections)), count = 0;
	int rc = sections ? 0 : err_nomem(err);

	for (int size = PROFILES_TAGS_MAX; rc == 0 && size > 0; size--)
		for (size_t i = o->count; i-- > 0;) {
			const struct overlay *from = &o->list[i];

			if (from->known && (from->tags & ~tags) == 0 &&
			    __builtin_popcountll(from->tags) == size)
				add_sections(p, o, from, sections, &count);
		}
	if (rc == 0 && count)
		rc = config_overlay(p->config, sections, count, out, err);
	free(sections);
	return rc;
}

static int
fill_profile(
    const struct profiles *p, const struct overlays *o, tagset tags, struct profile *out, struct err *err)
{
	struct buf name, set;

	out->tags = calloc(PROFILES_TAGS_MAX, sizeof(*out->tags));
	if (!out->tags)
		return err_nomem(err);
	for (size_t i = 0; i < p->tags.len; i++)
		if (tags >> i & 1)
			out->tags[out->tag_count++] = strtab_get(&p->tags, i);
	buf_init(&set, SIZE_MAX / 4);
	buf_init(&name, SIZE_MAX / 4);
	tagset_of(out->tags, out->tag_count, &set);
	tagset_name(buf_get(&set), &name);
	out->set = slice_of(NULL, set.len);
	out->text = buf_steal(&set);
	out->name = buf_steal(&name);
	buf_release(&name);
	buf_release(&set);
	if (!out->name || !out->text)
		return err_nomem(err);
	out->set.data = (const uint8_t *)out->text;
	return make_config(p, o, tags, &out->config, err);
}

static void
release_profile(struct profile *p)
{
	config_free(p->config);
	free(p->tags);
	free(p->text);
	free(p->name);
}

static int
add_profile(struct profiles *p, const struct overlays *o, tagset tags, struct err *err)
{
	struct profile one = {0}, *list;
	int rc = fill_profile(p, o, tags, &one, err);

	for (size_t i = 0; rc == 0 && i < p->count; i++)
		if (strcmp(p->list[i].name, one.name) == 0) {
			release_profile(&one);
			return 0;
		}
	if (rc == 0 && p->count == PROFILES_MAX)
		rc = err_set(err, ERR_FAILED, "more than %d profiles cannot be run together", PROFILES_MAX);
	list = rc == 0 ? realloc(p->list, (p->count + 1) * sizeof(*list)) : NULL;
	if (!list) {
		release_profile(&one);
		return rc ? rc : err_nomem(err);
	}
	p->list = list;
	p->list[p->count++] = one;
	return 0;
}

/* Adds the profile of a name. */
static int
add_named(struct profiles *p, const struct overlays *o, struct slice name, unsigned line, struct err *err)
{
	const struct overlay *section = find_overlay(o, name);
	struct slice stray;
	tagset tags = 0;

	if (section && section->known)
		tags = section->tags;
	else if (!slice_eq(name, SLICE_LIT(PROFILES_NONE)) && !read_tags(p, name, true, &tags, &stray))
		return unknown_tag(p, line, stray, line ? ERR_FAILED : ERR_USAGE, err);
	return add_profile(p, o, tags, err);
}

/* Another section has all tags of this one, and more. */
static bool
is_part(const struct overlays *o, const struct overlay *one)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->list[i].known && o->list[i].tags != one->tags && (one->tags & ~o->list[i].tags) == 0)
			return true;
	return false;
}

static int
add_defaults(struct profiles *p, const struct overlays *o, struct err *err)
{
	const char *value = p->config ? config_get(p->config, "default_profiles") : NULL;
	struct slice rest = slice_str(value), word;
	int rc = 0;

	while (rc == 0 && value && slice_word(&rest, &word))
		rc = add_named(p, o, word, config_line(p->config, "default_profiles"), err);
	for (size_t i = 0; rc == 0 && !value && i < o->count; i++)
		if (o->list[i].known && !is_part(o, &o->list[i]))
			rc = add_profile(p, o, o->list[i].tags, err);
	return rc;
}

int
profiles_choose(struct profiles *p, const char *const *names, size_t count, struct err *err)
{
	struct overlays overlays;
	int rc = read_overlays(p, &overlays, err);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_named(p, &overlays, slice_str(names[i]), 0, err);
	if (rc == 0 && !count)
		rc = add_defaults(p, &overlays, err);
	free(overlays.list);
	return rc;
}

int
profiles_init(struct profiles *p, const struct config *config, struct err *err)
{
	const char *value = config ? config_get(config, "profiles") : NULL;
	struct slice rest = slice_str(value), word;

	*p = (struct profiles){.config = config};
	while (value && slice_word(&rest, &word)) {
		if (slice_find(word, '+') < word.len || slice_eq(word, SLICE_LIT(PROFILES_NONE)))
			return err_set(err, ERR_FAILED, "%s:%u: '%.*s' cannot be a tag of profiles",
			    config_path(config), config_line(config, "profiles"), SLICE_FMT(word));
		if (strtab_add(&p->tags, word, NULL) == STRTAB_NONE)
			return err_nomem(err);
	}
	if (p->tags.len > PROFILES_TAGS_MAX)
		return err_set(err, ERR_FAILED, "%s:%u: `profiles` names more than %d tags",
		    config_path(config), config_line(config, "profiles"), PROFILES_TAGS_MAX);
	return 0;
}

void
profiles_release(struct profiles *p)
{
	for (size_t i = 0; i < p->count; i++)
		release_profile(&p->list[i]);
	free(p->list);
	strtab_release(&p->tags);
	*p = (struct profiles){0};
}
