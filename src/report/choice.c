/* SPDX-License-Identifier: Apache-2.0 */
#include "choice.h"

#include "tagset.h"

#include <stdlib.h>

/* No profile has more. */
#define TAGS_MAX 64
/* Of a name that there is no profile of. */
#define NAME_SHOWN 200

void
choice_init(struct choice *c, const struct repo *repo)
{
	*c = (struct choice){.repo = repo, .profiled = repo_profile_tags(repo).len > 0};
	buf_init(&c->set, SIZE_MAX / 4);
	buf_init(&c->profile, SIZE_MAX / 4);
}

int
choice_add(struct choice *c, struct slice profile, struct err *err)
{
	return strtab_add(&c->chosen, profile, NULL) == STRTAB_NONE ? err_nomem(err) : 0;
}

int
choice_add_named(struct choice *c, struct slice name, struct err *err)
{
	struct slice rest = name, known = repo_profile_tags(c->repo), tags[TAGS_MAX];
	struct buf set, common;
	size_t count = 0;
	int rc;

	buf_init(&set, SIZE_MAX / 4);
	buf_init(&common, SIZE_MAX / 4);
	while (!slice_eq(name, SLICE_LIT(TAGSET_EMPTY_NAME)) && count < TAGS_MAX &&
	       slice_split(&rest, '+', &tags[count]))
		count++;
	tagset_of(tags, count, &set);
	tagset_common(buf_get(&set), known, &common);
	if (slice_eq(buf_get(&set), buf_get(&common))) {
		rc = choice_add(c, buf_get(&set), err);
	} else {
		buf_clear(&common);
		tagset_name(known, &common);
		rc = err_set(err, ERR_USAGE,
		    "there is no profile '%.*s'; the tags that name profiles are %.*s",
		    SLICE_FMT(slice_head(name, NAME_SHOWN)), SLICE_FMT(buf_get(&common)));
	}
	buf_release(&set);
	buf_release(&common);
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
