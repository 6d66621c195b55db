/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles: the configurations that a project's tests are run in, as its .testr.conf names them.
 *
 *     [DEFAULT]
 *     profiles=py39 py311 sqlite mysql
 *     python=python3
 *     test_command=%(python)s -m subunit.run discover $LISTOPT $IDOPTION
 *     [profile py39]
 *     python=python3.9
 *     [profile mysql]
 *     env.DATABASE=mysql://localhost/test
 *     [profile py39+sqlite]
 *     [profile py39+mysql]
 *
 * A profile is a set of the tags that `profiles` names; it is written as these, sorted, with "+" between them. A section
 * [profile NAME] is that of the tags that NAME joins or, where it has the key, of those in `tags`. It changes the
 * configuration of each profile that has all of its tags; the one with more tags before the one with fewer, the later
 * one before the earlier, and right behind each those that it names in `inherits`. Invariant: profiles are sorted sets of
 * known tags, and no two are equal. */
#ifndef PROFILES_H
#define PROFILES_H

#include "config.h"
#include "tagset.h"

/* What the profile without tags is called. */
#define PROFILES_NONE TAGSET_EMPTY_NAME
/* How many there may be in one run, and tags in all. */
#define PROFILES_MAX 1000
#define PROFILES_TAGS_MAX 64

struct profile {
	char *name, *text;  /* "py39+mysql"; PROFILES_NONE */
	struct slice *tags; /* sorted */
	size_t tag_count;
	struct slice set;      /* the same as tagset.h has it */
	struct config *config; /* its own; NULL for that of the project, when no section changes it */
};

struct profiles {
	const struct config *config;
	struct strtab tags;   /* those that `profiles` names */
	struct profile *list; /* those chosen; empty where none are */
	size_t count;
};

/* Reads which tags there are. A configuration without `profiles` has none; NULL for no configuration. What is wrong with
 * the sections is an error. profiles_release is due in every case; the configuration is borrowed until then. */
int profiles_init(struct profiles *p, const struct config *config, struct err *err);
/* Accepts a zeroed one. */
void profiles_release(struct profiles *p);

/* Chooses the profiles of a run: those in `names`, each a section's name or tags with "+" between them, or, when there
 * are none, those of the key default_profiles, or, when that is not there, those of all sections whose tags no other
 * section has all of. With names an unknown one is ERR_USAGE. */
int profiles_choose(struct profiles *p, const char *const *names, size_t count, struct err *err);

#endif
