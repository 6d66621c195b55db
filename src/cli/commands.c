/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <string.h>

extern const struct command cmd_bisect, cmd_causes, cmd_commands, cmd_config, cmd_diff, cmd_export,
    cmd_failing, cmd_flaky, cmd_help, cmd_history, cmd_import, cmd_info, cmd_init, cmd_last, cmd_list_tests,
    cmd_load, cmd_log, cmd_plan, cmd_profiles, cmd_proxy, cmd_prune, cmd_quarantine, cmd_quickstart,
    cmd_repository, cmd_run, cmd_runs, cmd_serve, cmd_slowest, cmd_stats, cmd_stress, cmd_sync;

const struct command *const commands[] = {
    &cmd_bisect,
    &cmd_causes,
    &cmd_commands,
    &cmd_config,
    &cmd_diff,
    &cmd_export,
    &cmd_failing,
    &cmd_flaky,
    &cmd_help,
    &cmd_history,
    &cmd_import,
    &cmd_info,
    &cmd_init,
    &cmd_last,
    &cmd_list_tests,
    &cmd_load,
    &cmd_log,
    &cmd_plan,
    &cmd_profiles,
    &cmd_proxy,
    &cmd_prune,
    &cmd_quarantine,
    &cmd_quickstart,
    &cmd_repository,
    &cmd_run,
    &cmd_runs,
    &cmd_serve,
    &cmd_slowest,
    &cmd_stats,
    &cmd_stress,
    &cmd_sync,
    NULL,
};

const struct command *
command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++) {
		const char *a = name, *b = (*c)->name;

		while (*a && (*a == *b || (*a == '_' && *b == '-'))) {
			a++;
			b++;
		}
		if (*a == *b)
			return *c;
	}
	return NULL;
}
