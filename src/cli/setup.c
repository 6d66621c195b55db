/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include "environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many test servers may wait for the turn of their profile, however few workers there are. */
#define SERVERS_WAITING_MAX ((size_t)8)

static void
echo(void *context, const char *command)
{
	struct cli *cli = context;

	/* With --subunit and --json standard output is for these alone. */
	if (cli->args.set[ARG_SUBUNIT] || cli->args.set[ARG_JSON]) {
		ui_warn(&cli->ui, "running=%s", command);
		return;
	}
	/* A run that passes is to be one line. */
	if (cli->args.set[ARG_MAX_RUNS] || cli->args.set[ARG_FOR])
		return;
	ui_printf(&cli->ui, "running=%s\n", command);
	ui_flush(&cli->ui);
}

void
setup_dump(void *context, struct slice name, struct slice content)
{
	struct cli *cli = context;

	if (cli->args.set[ARG_SUBUNIT] || cli->args.set[ARG_JSON]) {
		ui_warn(&cli->ui, "--- %.*s ---\n%.*s", SLICE_FMT(name), SLICE_FMT(content));
		return;
	}
	ui_printf(&cli->ui, "--- %.*s ---\n", SLICE_FMT(name));
	ui_slice(&cli->ui, content);
	ui_flush(&cli->ui);
}

/* The positional arguments are filters up to the first "--", and arguments of the test command after it. */
static int
split_arguments(struct setup *s)
{
	struct args *a = &s->cli->args;
	size_t filters = 0;

	while (filters < a->positional_count && strcmp(a->positionals[filters], "--") != 0)
		filters++;
	if (filters < a->positional_count) {
		s->test_args.args = a->positionals + filters + 1;
		s->test_args.count = a->positional_count - filters - 1;
	}
	for (size_t i = 0; i < s->test_args.count; i++)
		if (strcmp(s->test_args.args[i], "--") == 0)
			return cli_unexpected(s->cli, s->test_args.args + i, s->test_args.count - i);
	s->filters = calloc(filters + 1, sizeof(struct pattern *));
	if (!s->filters)
		return err_nomem(&s->cli->err);
	for (; s->filter_count < filters; s->filter_count++)
		if (pattern_compile(slice_str(a->positionals[s->filter_count]), 0,
			&s->filters[s->filter_count], &s->cli->err) < 0)
			return -1;
	return 0;
}

/* What test_run_concurrency says: all of its output has to be one number. */
static int
ask_concurrency(struct setup *s, int64_t *out)
{
	const char *command = config_get(s->config, "test_run_concurrency");
	struct process_end end;
	struct buf text;
	int rc = 0;

	*out = 0;
	if (!command)
		return 0;
	buf_init(&text, 4096);
	if (launch_wait(
		&s->launch, command, s->places[0].environment, false, false, &text, &end, &s->cli->err) < 0)
		rc = -1;
	else if (end.code != 0)
		rc = err_set(&s->cli->err, ERR_FAILED, "test_run_concurrency failed with exit code %d: %s",
		    end.signal ? -end.signal : end.code, command);
	else if (!slice_int(slice_trim(buf_get(&text)), out) || *out < 0)
		rc = err_set(&s->cli->err, ERR_FAILED,
		    "test_run_concurrency has to print one number and nothing else: %s", command);
	buf_release(&text);
	return rc;
}

static int
find_workers(struct setup *s)
{
	const struct args *a = &s->cli->args;
	int64_t workers = a->number[ARG_CONCURRENCY];

	if (s->workers)
		return 0;
	s->workers = 1;
	if (workers < 0 || workers > SETUP_WORKERS_MAX)
		return err_set(&s->cli->err, ERR_USAGE, "option --concurrency: %lld is not between 0 and %d",
		    (long long)workers, SETUP_WORKERS_MAX);
	if (!a->set[ARG_PARALLEL])
		return 0;
	if (workers == 0 && ask_concurrency(s, &workers) < 0)
		return -1;
	if (workers == 0)
		workers = sysconf(_SC_NPROCESSORS_ONLN);
	s->workers = workers < 1 ? 1 : workers > SETUP_WORKERS_MAX ? SETUP_WORKERS_MAX : (size_t)workers;
	return 0;
}

/* What a run will need, wrong, is better known before anything is started or stored. */
static int
check_config(struct setup *s, size_t profile)
{
	const struct config *config = s->in[profile].config;
	const char *regex = config_get(config, "group_regex");
	char *command = NULL;
	int rc = template_run(config, s->test_args, NULL, &command, &s->cli->err);

	if (rc == 0 && regex)
		rc = pattern_compile(slice_str(regex), 0, &s->places[profile].group, &s->cli->err);
	free(command);
	return rc;
}

/* What the configuration of a profile says, but for what is said on the command line. */
static int
find_timeouts(struct setup *s, size_t profile)
{
	const struct args *a = &s->cli->args;
	struct timeouts *t = &s->in[profile].timeouts;

	if (timeouts_read(s->in[profile].config, t, &s->cli->err) < 0)
		return -1;
	if (a->set[ARG_TEST_TIMEOUT] && !timeouts_test(t, a->text[ARG_TEST_TIMEOUT]))
		return err_set(&s->cli->err, ERR_USAGE,
		    "option --test-timeout: '%s' is neither a number of seconds, from 1 to %d, nor 'auto' or 'none'",
		    a->text[ARG_TEST_TIMEOUT], TIMEOUTS_MAX);
	if (a->set[ARG_TIMEOUT] && !timeouts_duration(a->text[ARG_TIMEOUT], &t->run))
		return err_set(&s->cli->err, ERR_USAGE,
		    "option --timeout: '%s' is neither a number of seconds, from 1 to %d, nor 'none'",
		    a->text[ARG_TIMEOUT], TIMEOUTS_MAX);
	return 0;
}

/* Finds out which configurations tests are run in. */
static int
choose_profiles(struct setup *s)
{
	const struct args_list *names = &s->cli->args.profiles;
	struct err *err = &s->cli->err;

	if (profiles_init(&s->profiles, s->config, err) < 0 ||
	    profiles_choose(&s->profiles, names->values, names->count, err) < 0)
		return -1;
	s->count = s->profiles.count ? s->profiles.count : 1;
	s->in = calloc(s->count, sizeof(*s->in));
	s->places = calloc(s->count, sizeof(*s->places));
	if (!s->in || !s->places)
		return err_nomem(err);
	s->in[0].config = s->config;
	for (size_t i = 0; i < s->profiles.count; i++) {
		const struct profile *p = &s->profiles.list[i];

		s->in[i] = (struct runner_profile){.name = p->name,
		    .tags = p->tags,
		    .tag_count = p->tag_count,
		    .config = p->config ? p->config : s->config};
	}
	for (size_t i = 0; i < s->count; i++)
		if (find_timeouts(s, i) < 0 || check_config(s, i) < 0 ||
		    environment_make(s->in[i].config, s->in[i].name, s->cli->keep_order,
			&s->places[i].environment, err) < 0)
			return -1;
	return limit_load(&s->limits, s->config, err);
}

/* Each profile has a pool of its own: what is provided may depend on it. */
static int
provide(struct setup *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (instances_provide(&s->places[i].instances, s->workers, &s->cli->err) < 0)
			return -1;
	return 0;
}

int
setup_begin(struct setup *s, struct cli *cli, size_t workers)
{
	int rc;

	*s = (struct setup){.cli = cli, .workers = workers};
	if (config_load(cli->here, &s->config, &cli->err) < 0)
		return -1;
	rc = split_arguments(s);
	if (rc)
		return rc;
	if (choose_profiles(s) < 0)
		return -1;
	if (launch_init(&s->launch, cli->program, echo, cli, &cli->err) < 0)
		return -1;
	for (size_t i = 0; i < s->count; i++) {
		struct setup_place *p = &s->places[i];

		instances_init(&p->instances, s->in[i].config, p->environment, &s->launch);
		s->in[i].instances = &p->instances;
	}
	s->begun = true;
	return find_workers(s) < 0 ? -1 : provide(s);
}

int
setup_cancelled_status(const struct launch *l)
{
	return launch_timed_out(l) ? 124 : 128 + l->cancelled;
}

int
setup_end(struct setup *s, int status)
{
	struct err err;

	if (s->begun) {
		listing_release(&s->servers);
		/* Whatever could not be done then, that is why. */
		if (status < 0 && s->launch.cancelled) {
			status = setup_cancelled_status(&s->launch);
			if (launch_timed_out(&s->launch))
				ui_warn(&s->cli->ui, "testr: the time for the run was over");
			else
				ui_warn(&s->cli->ui, "testr: cancelled by signal %d", s->launch.cancelled);
		}
		for (size_t i = 0; i < s->count; i++)
			if (instances_dispose(&s->places[i].instances, &err) < 0) {
				ui_warn(&s->cli->ui, "%s", err.text);
				status = status ? status : 3;
			}
		launch_release(&s->launch);
	}
	for (size_t i = 0; s->places && i < s->count; i++) {
		instances_release(&s->places[i].instances);
		environment_free(s->places[i].environment);
		pattern_free(s->places[i].group);
	}
	free(s->places);
	free(s->in);
	profiles_release(&s->profiles);
	for (size_t i = 0; i < s->filter_count; i++)
		pattern_free(s->filters[i]);
	free(s->filters);
	limit_release(&s->limits);
	free(s->servers.list);
	config_free(s->config);
	return status;
}

bool
setup_serves(const struct setup *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!config_get(s->in[i].config, "test_server_command"))
			return false;
	return !s->cli->args.set[ARG_ISOLATED] && !s->cli->args.set[ARG_ANALYZE_ISOLATION] &&
	       !s->test_args.count;
}

/* How many servers are kept: those that list, unless that would be far more than ever work at the same time, and, when
 * nothing says that there is little to do, one for each worker. */
static size_t
servers_kept(const struct setup *s)
{
	size_t most = s->workers > SERVERS_WAITING_MAX ? s->workers : SERVERS_WAITING_MAX;

	if (s->count >= s->workers)
		return s->count < most ? s->count : most;
	return s->filter_count ? s->count : s->workers;
}

static int
list_by_servers(struct setup *s, struct listing *l, bool keep)
{
	struct listing_servers none = {0};
	int rc;

	if (!keep || s->servers.list)
		return listing_serve(l, &none, &s->cli->err);
	s->servers.count = servers_kept(s);
	s->servers.list = calloc(s->servers.count, sizeof(*s->servers.list));
	if (!s->servers.list)
		return err_nomem(&s->cli->err);
	rc = listing_serve(l, &s->servers, &s->cli->err);
	for (size_t i = 0; rc == 0 && i < l->count; i++)
		s->in[i].start_cost = l->jobs[i].took;
	return rc;
}

int
setup_list(struct setup *s, bool keep, struct strtab *ids)
{
	struct listing_job *jobs = calloc(s->count, sizeof(*jobs));
	struct listing l = {.launch = &s->launch,
	    .jobs = jobs,
	    .count = s->count,
	    .at_once = s->workers,
	    .args = s->test_args,
	    .dump = setup_dump,
	    .context = s->cli};
	int rc;

	if (!jobs)
		return err_nomem(&s->cli->err);
	for (size_t i = 0; i < s->count; i++)
		jobs[i] = (struct listing_job){
		    .instances = s->in[i].instances, .config = s->in[i].config, .ids = &ids[i]};
	rc = setup_serves(s) ? list_by_servers(s, &l, keep) : listing_run(&l, &s->cli->err);
	if (rc < 0 && s->count > 1)
		err_wrap(&s->cli->err, "profile %s", s->in[l.failed].name);
	free(jobs);
	return rc;
}

int
setup_alone(struct setup *s, const char *what)
{
	struct buf names;

	if (s->count == 1)
		return 0;
	buf_init(&names, 512);
	for (size_t i = 0; i < s->count; i++)
		buf_printf(&names, " %s", s->in[i].name);
	err_set(&s->cli->err, ERR_USAGE, "%s is for one profile; choose it with --profile, one of:%.*s", what,
	    SLICE_FMT(buf_get(&names)));
	buf_release(&names);
	return -1;
}

struct slice
setup_profile(const struct setup *s, size_t profile)
{
	return s->profiles.count ? s->profiles.list[profile].set : SLICE_NONE;
}

int
setup_filter(struct setup *s, const struct strtab *ids, struct strtab *out)
{
	for (size_t i = 0; i < ids->len; i++) {
		struct slice id = strtab_get(ids, i);
		int match = s->filter_count == 0;

		for (size_t f = 0; f < s->filter_count && match == 0; f++)
			match = pattern_search(s->filters[f], id, &s->cli->err);
		if (match < 0)
			return -1;
		if (match && strtab_add(out, id, NULL) == STRTAB_NONE)
			return err_nomem(&s->cli->err);
	}
	return 0;
}
