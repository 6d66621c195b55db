/* SPDX-License-Identifier: Apache-2.0 */
#include "timeouts.h"

#include "config_text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define LIST_TIMEOUT (600 * SECOND)
#define SERVER_TIMEOUT (60 * SECOND)

/* Signals on which some runtime says where it is. */
static const struct {
	const char *name; /* without SIG */
	int number;
} signals[] = {{"ABRT", SIGABRT}, {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"INT", SIGINT},
    {"TERM", SIGTERM}, {"none", 0}};
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

bool
timeouts_duration(const char *text, int64_t *out)
{
	int64_t seconds;

	if (strcmp(text, "none") == 0) {
		*out = 0;
		return true;
	}
	if (!slice_int(slice_str(text), &seconds) || seconds < 1 || seconds > TIMEOUTS_MAX)
		return false;
	*out = seconds * SECOND;
	return true;
}

bool
timeouts_test(struct timeouts *t, const char *text)
{
	bool by_history = strcmp(text, "auto") == 0;

	if (by_history)
		t->test = TIMEOUTS_UNKNOWN;
	else if (!timeouts_duration(text, &t->test))
		return false;
	t->by_history = by_history;
	return true;
}

static int
wrong(const struct config *c, const char *key, const char *words, struct err *err)
{
	struct text_quoted text;

	return err_set(err, ERR_FAILED, "%s:%u: %s is %s: write %s", config_path(c), config_line(c, key), key,
	    text_quote(&text, slice_str(config_get(c, key))), words);
}

/* A key whose value is a duration; without it *out stays as it is. */
static int
read_duration(const struct config *c, const char *key, int64_t *out, struct err *err)
{
	const char *value = config_get(c, key);

	if (!value || timeouts_duration(value, out))
		return 0;
	return wrong(c, key, "a number of seconds, from 1 to 31536000, or 'none'", err);
}

static int
read_signal(const struct config *c, int *out, struct err *err)
{
	const char *value = config_get(c, "dump_signal");

	for (size_t i = 0; value && i < LENGTH(signals); i++)
		if (strcmp(value, signals[i].name) == 0) {
			*out = signals[i].number;
			return 0;
		}
	return value ? wrong(c, "dump_signal", "ABRT, QUIT, USR1, USR2, INT, TERM or none", err) : 0;
}

int
timeouts_read(const struct config *c, struct timeouts *out, struct err *err)
{
	struct timeouts t = {
	    .by_history = true, .list = LIST_TIMEOUT, .server = SERVER_TIMEOUT, .dump_signal = SIGABRT};
	const char *value = config_get(c, "test_timeout");

	if (value && !timeouts_test(&t, value))
		return wrong(
		    c, "test_timeout", "a number of seconds, from 1 to 31536000, 'auto' or 'none'", err);
	if (read_duration(c, "run_timeout", &t.run, err) ||
	    read_duration(c, "output_timeout", &t.output, err) ||
	    read_duration(c, "list_timeout", &t.list, err) || read_signal(c, &t.dump_signal, err))
		return -1;
	value = config_get(c, "server_timeout");
	if (value && (!timeouts_duration(value, &t.server) || !t.server))
		return wrong(c, "server_timeout", "a number of seconds, from 1 to 31536000", err);
	*out = t;
	return 0;
}

static int
by_length(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int64_t
timeouts_by_history(const struct timeouts *t, int64_t *durations, size_t count)
{
	int64_t usual;

	if (count < TIMEOUTS_LEAST)
		return t->test;
	qsort(durations, count, sizeof(*durations), by_length);
	/* The smallest one that so many of 100 do not exceed. */
	usual = durations[(count * TIMEOUTS_PERCENT + 99) / 100 - 1];
	if (usual <= TIMEOUTS_FLOOR / TIMEOUTS_FACTOR)
		return TIMEOUTS_FLOOR;
	return usual < TIMEOUTS_MAX * SECOND / TIMEOUTS_FACTOR ? usual * TIMEOUTS_FACTOR
							       : TIMEOUTS_MAX * SECOND;
}

const char *
timeouts_signal_name(int number)
{
	static const char *const names[] = {"SIGABRT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGTERM"};

	for (size_t i = 0; i < LENGTH(names); i++)
		if (signals[i].number == number)
			return names[i];
	return "no signal";
}
