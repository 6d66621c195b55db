/* SPDX-License-Identifier: Apache-2.0 */
#include "choice.h"

#include "config.h"
#include "profiles.h"

#include <stdlib.h>

static int
add(struct choice *c, struct slice profile, struct err *err)
{
	return strtab_add(&c->chosen, profile, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

/* By the names that the configuration has for them. */
static int
by_config(struct choice *c, const struct config *config, const struct args_list *names, struct err *err)
{
	struct profiles profiles;
	int rc = profiles_init(&profiles, config, err);

	if (rc == 0)
		rc = profiles_choose(&profiles, names->values, names->count, err);
	for (size_t i = 0; rc == 0 && i < profiles.count; i++)
		rc = add(c, profiles.list[i].set, err);
	profiles_release(&profiles);
	return rc;
}

/* By the tags that the repository knows. */
static int
by_tags(struct choice *c, struct slice name, struct err *err)
{
	struct slice rest = name, known = repo_profile_tags(c->repo), tags[PROFILES_TAGS_MAX];
	struct buf set, common;
	size_t count = 0;
	int rc;

	buf_init(&set, SIZE_MAX / 4);
	buf_init(&common, SIZE_MAX / 4);
	while (!slice_eq(name, SLICE_LIT(PROFILES_NONE)) && count < PROFILES_TAGS_MAX &&
	       slice_split(&rest, '+', &tags[count]))
		count++;
	tagset_of(tags, count, &set);
	tagset_common(buf_get(&set), known, &common);
	if (slice_eq(buf_get(&set), buf_get(&common))) {
		rc = add(c, buf_get(&set), err);
	} else {
		buf_clear(&common);
		tagset_name(known, &common);
		rc = err_set(err, ERR_USAGE,
		    "there is no profile '%.*s'; the tags that name profiles are %.*s", SLICE_FMT(name),
		    SLICE_FMT(buf_get(&common)));
	}
	buf_release(&set);
	buf_release(&common);
	return rc;
}

int
choice_init(struct choice *c, struct cli *cli, const struct repo *repo)
{
	const struct args_list *names = &cli->args.profiles;
	struct config *config = NULL;
	int rc = 0;

	*c = (struct choice){.repo = repo, .profiled = repo_profile_tags(repo).len > 0};
	buf_init(&c->set, SIZE_MAX / 4);
	buf_init(&c->profile, SIZE_MAX / 4);
	if (!names->count)
		return 0;
	rc = cli_optional_config(cli, &config);
	if (rc == 0 && config && config_get(config, "profiles"))
		rc = by_config(c, config, names, &cli->err);
	else
		for (size_t i = 0; rc == 0 && i < names->count; i++)
			rc = by_tags(c, slice_str(names->values[i]), &cli->err);
	config_free(config);
	return rc;
}

void
choice_release(struct choice *c)
{
	strtab_release(&c->chosen);
	buf_release(&c->set);
	buf_release(&c->profile);
}

struct slice
choice_of_tags(struct choice *c, struct slice tags)
{
	buf_clear(&c->profile);
	repo_profile_of(c->repo, tags, &c->profile);
	return buf_get(&c->profile);
}

struct slice
choice_profile(struct choice *c, const struct result *r)
{
	if (!c->profiled)
		return SLICE_LIT("");
	buf_clear(&c->set);
	result_other_tags(&c->set, r);
	return choice_of_tags(c, buf_get(&c->set));
}

bool
choice_has(const struct choice *c, struct slice profile)
{
	return !c->chosen.len || strtab_find(&c->chosen, profile) != STRTAB_NONE;
}

void
choice_name(const struct choice *c, struct slice profile, struct buf *out)
{
	if (!c->profiled)
		return;
	buf_str(out, " (");
	tagset_name(profile, out);
	buf_byte(out, ')');
}

json_t *
choice_json(const struct choice *c, struct slice profile)
{
	return c->profiled ? shape_profile(profile) : NULL;
}

/* "fails only on py39+mysql", "fails on py39, py311", "fails on all 4 profiles". */
static void
add_words(const struct lists *failing, const struct strtab *known, struct slice test, struct buf *out)
{
	size_t fails = 0;
	const char *comma = "";

	for (size_t i = 0; i < failing->profiles.len; i++)
		fails += strtab_find(&failing->tests[i], test) != STRTAB_NONE;
	if (fails == known->len && fails > 1) {
		buf_printf(out, "fails on all %zu profiles", fails);
		return;
	}
	buf_str(out, fails < known->len ? "fails only on " : "fails on ");
	for (size_t i = 0; i < failing->profiles.len; i++) {
		if (strtab_find(&failing->tests[i], test) == STRTAB_NONE)
			continue;
		buf_str(out, comma);
		tagset_name(strtab_get(&failing->profiles, i), out);
		comma = ", ";
	}
}

void
choice_show(const struct choice *c, struct cli *cli, const struct lists *failing, const struct strtab *known)
{
	struct strtab tests = {0};
	struct buf words;

	if (!c->profiled)
		return;
	buf_init(&words, SIZE_MAX / 4);
	for (size_t i = 0; i < failing->profiles.len; i++)
		for (size_t k = 0; k < failing->tests[i].len; k++) {
			struct slice test = strtab_get(&failing->tests[i], k);
			bool added;

			if (strtab_add(&tests, test, &added) == STRTAB_NONE || !added)
				continue;
			buf_clear(&words);
			add_words(failing, known, test, &words);
			ui_printf(&cli->ui, "%.*s: %.*s\n", SLICE_FMT(test), SLICE_FMT(buf_get(&words)));
		}
	buf_release(&words);
	strtab_release(&tests);
}
