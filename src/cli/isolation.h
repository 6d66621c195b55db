/* SPDX-License-Identifier: Apache-2.0
 *
 * `testr run --analyze-isolation`: which tests make other tests fail. */
#ifndef ISOLATION_H
#define ISOLATION_H

#include "setup.h"

/* For each failing test (of those in --load-list, if given) that passes alone, searches the tests that ran
 * before it in its worker in the latest run, and prints a table of what it found. Probes are not stored and
 * change neither what is failing nor what is known of times. Returns 0 when no failing test passes alone, 3
 * when the table was printed, -1 with the error set. */
int isolation_run(struct setup *s, struct repo *repo);

#endif
