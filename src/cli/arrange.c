/* SPDX-License-Identifier: Apache-2.0 */
#include "arrange.h"

#include "order.h"
#include "setup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Of the tests that are gone so many are named. */
#define GONE_SHOWN 20
#define SEED_MAX ((int64_t)UINT32_MAX)

static const struct {
	const char *word;
	int order;
} orders[] = {{"failing", ARRANGE_FAILING}, {"longest", ARRANGE_LONGEST}, {"listed", ARRANGE_LISTED},
    {"random", ARRANGE_RANDOM}};

static int
read_order(struct arrange *a, struct cli *cli)
{
	const char *word = cli->args.text[ARG_ORDER];

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (strcmp(word, orders[i].word) == 0) {
			a->order = orders[i].order;
			return 0;
		}
	return err_set(&cli->err, ERR_USAGE,
	    "option --order: invalid choice: '%s' (choose from 'failing', 'longest', 'listed', 'random')",
	    word);
}

/* The seed that was given, or one that nobody chose. */
static int
read_seed(struct arrange *a, struct cli *cli)
{
	const char *text = cli->args.text[ARG_SEED];
	uint32_t chosen = 0;
	int64_t seed;

	if (!cli->args.set[ARG_SEED]) {
		if (getrandom(&chosen, sizeof(chosen), 0) != sizeof(chosen))
			return err_set(
			    &cli->err, ERR_FAILED, "there is no random number for a seed; give --seed=N");
		seed = chosen;
		ui_warn(&cli->ui, "note: the order is random; --seed=%lld is the same one again",
		    (long long)seed);
	} else if (!slice_int(slice_str(text), &seed) || seed < 0 || seed > SEED_MAX) {
		return err_set(&cli->err, ERR_USAGE, "option --seed: '%s' is not a number from 0 to %lld",
		    text, (long long)SEED_MAX);
	}
	a->seed = (uint32_t)seed;
	return 0;
}

/* Takes ":worker-N" off the end of "RUN:worker-N"; *worker is -1 when there is none. The caller frees *run. */
static int
split_replay(struct cli *cli, char **run, int64_t *worker)
{
	const struct slice mark = SLICE_LIT(":worker-");
	struct slice text = slice_str(cli->args.text[ARG_REPLAY]);
	size_t colon = slice_find(text, ':');

	*worker = -1;
	if (colon < text.len && (!slice_starts(slice_from(text, colon), mark) ||
				    !slice_int(slice_from(text, colon + mark.len), worker) || *worker < 0))
		return err_set(&cli->err, ERR_USAGE,
		    "option --replay: '%.*s' is not of the form RUN or RUN:worker-N", SLICE_FMT(text));
	*run = slice_dup(slice_head(text, colon));
	return *run ? 0 : err_nomem(&cli->err);
}

/* Gives each test, once, the worker that ran it. Those of no known worker are the first one's. */
static int
assign(struct arrange *a, struct cli *cli, const struct order *order, int64_t worker)
{
	a->only = calloc(order->count + 1, sizeof(*a->only));
	if (!a->only)
		return err_nomem(&cli->err);
	for (size_t i = 0; i < order->count; i++) {
		const struct order_test *test = &order->tests[i];
		size_t own = worker >= 0 || test->worker < 0 ? 0 : (size_t)test->worker, at;
		bool added;

		if (worker >= 0 && test->worker != worker)
			continue;
		if (own >= SETUP_WORKERS_MAX)
			return err_set(&cli->err, ERR_FAILED,
			    "option --replay: a test of the run is that of worker %lld",
			    (long long)test->worker);
		at = strtab_add(&a->ids, strtab_get(&order->ids, test->id), &added);
		if (at == STRTAB_NONE)
			return err_nomem(&cli->err);
		if (added)
			a->only[at] = own + 1;
		if (own >= a->workers)
			a->workers = own + 1;
	}
	return a->ids.len ? 0
			  : err_set(&cli->err, ERR_NO_TESTS, "option --replay: %s: there is no test in it",
				cli->args.text[ARG_REPLAY]);
}

static int
read_replay(struct arrange *a, struct cli *cli, struct repo *repo)
{
	struct order order = {0};
	struct choice choice = {0};
	char *run = NULL;
	int64_t id, worker;
	int rc = -1;

	if (choosing_init(&choice, cli, repo) == 0 && split_replay(cli, &run, &worker) == 0 &&
	    cli_run_id(cli, repo, run, &id) == 0 && order_read(&order, repo, id, &choice, &cli->err) == 0)
		rc = assign(a, cli, &order, worker);
	order_release(&order);
	choice_release(&choice);
	free(run);
	return rc;
}

int
arrange_init(struct arrange *a, struct cli *cli, struct repo *repo)
{
	static const enum arg others[] = {ARG_FAILING, ARG_LOAD_LIST, ARG_ORDER, ARG_PLAN, ARG_SEED};
	const struct args *args = &cli->args;

	for (size_t i = 0; args->set[ARG_REPLAY] && i < sizeof(others) / sizeof(others[0]); i++)
		if (args->set[others[i]])
			return err_set(&cli->err, ERR_USAGE,
			    "--replay does not go together with --failing, --load-list, --order, --plan and --seed");
	if (args->set[ARG_ORDER] && read_order(a, cli) < 0)
		return -1;
	if (args->set[ARG_SEED] && a->order != ARRANGE_USUAL && a->order != ARRANGE_RANDOM)
		return err_set(
		    &cli->err, ERR_USAGE, "--seed is that of a random order; --order says another");
	if (args->set[ARG_SEED])
		a->order = ARRANGE_RANDOM;
	if (args->set[ARG_REPLAY])
		a->order = ARRANGE_REPLAY;
	if (a->order == ARRANGE_REPLAY)
		return read_replay(a, cli, repo);
	return a->order == ARRANGE_RANDOM ? read_seed(a, cli) : 0;
}

void
arrange_release(struct arrange *a)
{
	strtab_release(&a->ids);
	free(a->only);
	*a = (struct arrange){0};
}

int
arrange_present(struct arrange *a, struct cli *cli, const struct strtab *listed, struct strtab *out)
{
	size_t gone = 0;

	for (size_t i = 0; i < a->ids.len; i++) {
		struct slice id = strtab_get(&a->ids, i);

		if (listed->len && strtab_find(listed, id) == STRTAB_NONE) {
			if (gone++ < GONE_SHOWN)
				ui_warn(&cli->ui, "note: this test is gone, and not replayed: %.*s",
				    SLICE_FMT(id));
		} else if (strtab_add(out, id, NULL) == STRTAB_NONE) {
			return err_nomem(&cli->err);
		}
	}
	if (gone > GONE_SHOWN)
		ui_warn(&cli->ui, "note: %zu more tests are gone", gone - GONE_SHOWN);
	return 0;
}

/* SplitMix64, whose numbers are the same everywhere. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int
arrange_shuffle(const struct arrange *a, struct strtab *ids, struct err *err)
{
	size_t *places = calloc(ids->len + 1, sizeof(*places));
	struct strtab shuffled = {0};
	uint64_t state = a->seed;
	int rc = places ? 0 : err_nomem(err);

	for (size_t i = 0; rc == 0 && i < ids->len; i++) {
		size_t other = (size_t)(next_random(&state) % (i + 1));

		places[i] = places[other];
		places[other] = i;
	}
	for (size_t i = 0; rc == 0 && i < ids->len; i++)
		if (strtab_add(&shuffled, strtab_get(ids, places[i]), NULL) == STRTAB_NONE)
			rc = err_nomem(err);
	free(places);
	if (rc == 0) {
		strtab_release(ids);
		*ids = shuffled;
	} else {
		strtab_release(&shuffled);
	}
	return rc;
}

size_t
arrange_only(const struct arrange *a, struct slice id)
{
	size_t at = a->only ? strtab_find(&a->ids, id) : STRTAB_NONE;

	return at == STRTAB_NONE ? 0 : a->only[at];
}
