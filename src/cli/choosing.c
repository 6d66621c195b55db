/* SPDX-License-Identifier: Apache-2.0 */
#include "choosing.h"

#include "config.h"
#include "matrix.h"
#include "profiles.h"

#include <stdlib.h>

/* By the names that the configuration has for them. */
static int
by_config(struct choice *c, const struct config *config, const struct args_list *names, struct err *err)
{
	struct profiles profiles;
	int rc = profiles_init(&profiles, config, err);

	if (rc == 0)
		rc = profiles_choose(&profiles, names->values, names->count, err);
	for (size_t i = 0; rc == 0 && i < profiles.count; i++)
		rc = choice_add(c, profiles.list[i].set, err);
	profiles_release(&profiles);
	return rc;
}

int
choosing_init(struct choice *c, struct cli *cli, const struct repo *repo)
{
	const struct args_list *names = &cli->args.profiles;
	struct config *config = NULL;
	int rc = 0;

	choice_init(c, repo);
	if (!names->count)
		return 0;
	rc = cli_optional_config(cli, &config);
	if (rc == 0 && config && config_get(config, "profiles"))
		rc = by_config(c, config, names, &cli->err);
	else
		for (size_t i = 0; rc == 0 && i < names->count; i++)
			rc = choice_add_named(c, slice_str(names->values[i]), &cli->err);
	config_free(config);
	return rc;
}

static void
add_words(const struct lists *failing, const struct strtab *known, struct slice test, struct buf *out)
{
	struct slice *those = calloc(failing->profiles.len + 1, sizeof(*those));
	size_t count = 0;

	for (size_t i = 0; those && i < failing->profiles.len; i++)
		if (strtab_find(&failing->tests[i], test) != STRTAB_NONE)
			those[count++] = strtab_get(&failing->profiles, i);
	if (those)
		matrix_words("fails", those, count, known->len, out);
	free(those);
}

void
choosing_show(
    const struct choice *c, struct cli *cli, const struct lists *failing, const struct strtab *known)
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
