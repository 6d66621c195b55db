/* SPDX-License-Identifier: Apache-2.0
 *
 * How long things may take, and what is done about what takes longer: the keys *_timeout and dump_signal of a
 * configuration. Pure. Invariant: what was read is within bounds, and 0 stands for no limit. */
#ifndef TIMEOUTS_H
#define TIMEOUTS_H

#include "config.h"

/* A year, in seconds: the longest limit. */
#define TIMEOUTS_MAX 31536000
/* With test_timeout=auto a test has so many times what it took in TIMEOUTS_PERCENT of 100 of its last
 * TIMEOUTS_RESULTS results, if it has at least TIMEOUTS_LEAST of them, but never less than TIMEOUTS_FLOOR. */
#define TIMEOUTS_FACTOR 10
#define TIMEOUTS_PERCENT 95
#define TIMEOUTS_RESULTS 20
#define TIMEOUTS_LEAST 5
#define TIMEOUTS_FLOOR (INT64_C(30) * 1000000000)
/* What a test has then that too little is known of, if test_timeout is given. */
#define TIMEOUTS_UNKNOWN (INT64_C(3600) * 1000000000)

/* In nanoseconds. */
struct timeouts {
	bool by_history; /* test_timeout=auto, or not given */
	int64_t test;    /* test_timeout; by_history: for tests that too little is known of */
	int64_t run;     /* run_timeout: for all tests together */
	int64_t output;  /* output_timeout: how long a test process may print nothing */
	int64_t list;    /* list_timeout: for the list of the tests */
	int64_t server;  /* server_timeout: for a server to say Hello, to say anything while it is asked for
			    something and runs no test, and to exit; never 0 */
	int dump_signal; /* what is sent to what is going to be killed; 0 for nothing */
};

int timeouts_read(const struct config *c, struct timeouts *out, struct err *err);

/* "auto", "none" or a number of seconds, in the place of test_timeout; false when it is nothing of that. */
bool timeouts_test(struct timeouts *t, const char *text);
/* "none" or a number of seconds; false when it is neither. */
bool timeouts_duration(const char *text, int64_t *out);

/* What a test may take that took `count` durations before, which are sorted by this; 0 for no limit. */
int64_t timeouts_by_history(const struct timeouts *t, int64_t *durations, size_t count);

/* "SIGABRT". */
const char *timeouts_signal_name(int number);

#endif
