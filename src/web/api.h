/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of all answers. */
#ifndef API_H
#define API_H

#include "call.h"

extern const struct route api_routes[];
extern const size_t api_route_count;

int api_root(struct call *call, struct reply *out, struct err *err);
int api_healthz(struct call *call, struct reply *out, struct err *err);
int api_runs(struct call *call, struct reply *out, struct err *err);
int api_run(struct call *call, struct reply *out, struct err *err);
int api_cancel(struct call *call, struct reply *out, struct err *err);
int api_stream(struct call *call, struct reply *out, struct err *err);
int api_all_events(struct call *call, struct reply *out, struct err *err);
int api_events(struct call *call, struct reply *out, struct err *err);
int api_results(struct call *call, struct reply *out, struct err *err);
int api_attempts(struct call *call, struct reply *out, struct err *err);
int api_attachment(struct call *call, struct reply *out, struct err *err);
int api_tests(struct call *call, struct reply *out, struct err *err);
int api_test(struct call *call, struct reply *out, struct err *err);
int api_history(struct call *call, struct reply *out, struct err *err);
int api_flaky(struct call *call, struct reply *out, struct err *err);
int api_causes(struct call *call, struct reply *out, struct err *err);
int api_diff(struct call *call, struct reply *out, struct err *err);
int api_junit(struct call *call, struct reply *out, struct err *err);
int api_timeline(struct call *call, struct reply *out, struct err *err);
int api_tree(struct call *call, struct reply *out, struct err *err);
int api_durations(struct call *call, struct reply *out, struct err *err);
int api_quarantine(struct call *call, struct reply *out, struct err *err);
int api_quarantine_put(struct call *call, struct reply *out, struct err *err);
int api_quarantine_delete(struct call *call, struct reply *out, struct err *err);
int api_profiles(struct call *call, struct reply *out, struct err *err);
int api_matrix(struct call *call, struct reply *out, struct err *err);
int api_searches(struct call *call, struct reply *out, struct err *err);
int api_search(struct call *call, struct reply *out, struct err *err);
int api_slowest(struct call *call, struct reply *out, struct err *err);
int api_failing(struct call *call, struct reply *out, struct err *err);
int api_failure_rate(struct call *call, struct reply *out, struct err *err);
int api_failures_feed(struct call *call, struct reply *out, struct err *err);
int api_flaky_feed(struct call *call, struct reply *out, struct err *err);
int api_trace(struct call *call, struct reply *out, struct err *err);
int api_badge(struct call *call, struct reply *out, struct err *err);
int api_metrics(struct call *call, struct reply *out, struct err *err);

#endif
