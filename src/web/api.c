/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#define V1 "/api/v1"

const struct route api_routes[] = {
    {METHOD_GET, "/healthz", "", api_healthz},
    {METHOD_GET, "/readyz", "", api_healthz},
    {METHOD_GET, "/metrics", "", api_metrics},
    {METHOD_GET, V1, "", api_root},
    {METHOD_GET, V1 "/runs", "state since until meta. limit cursor", api_runs},
    {METHOD_POST, V1 "/runs", "partial", NULL},
    {METHOD_GET, V1 "/runs/{run}", "", api_run},
    {METHOD_GET, V1 "/runs/{run}/causes", "limit", api_causes},
    {METHOD_GET, V1 "/runs/{run}/diff/{base}", "profile limit", api_diff},
    {METHOD_GET, V1 "/runs/{run}/junit.xml", "", api_junit},
    {METHOD_GET, V1 "/runs/{run}/timeline", "from to max", api_timeline},
    {METHOD_GET, V1 "/runs/{run}/stream", "", api_stream},
    {METHOD_GET, V1 "/runs/{run}/events", "", api_events},
    {METHOD_GET, V1 "/runs/{run}/results", "status worker profile q sort limit cursor", api_results},
    {METHOD_GET, V1 "/runs/{run}/results/{test}/attempts", "", api_attempts},
    {METHOD_GET, V1 "/runs/{run}/results/{test}/attempts/{attempt}/attachments/{name}", "", api_attachment},
    {METHOD_GET, V1 "/tests", "prefix q limit cursor", api_tests},
    {METHOD_GET, V1 "/tests/tree", "prefix limit cursor", api_tree},
    {METHOD_GET, V1 "/tests/{test}", "", api_test},
    {METHOD_GET, V1 "/tests/{test}/history", "profile limit cursor", api_history},
    {METHOD_GET, V1 "/tests/{test}/durations", "limit", api_durations},
    {METHOD_GET, V1 "/events", "", api_all_events},
    {METHOD_GET, V1 "/failing", "profile limit cursor", api_failing},
    {METHOD_GET, V1 "/flaky", "window since profile limit", api_flaky},
    {METHOD_GET, V1 "/profiles", "", api_profiles},
    {METHOD_GET, V1 "/profiles/matrix", "q show limit cursor", api_matrix},
    {METHOD_GET, V1 "/searches", "test limit cursor", api_searches},
    {METHOD_GET, V1 "/searches/{search}", "", api_search},
    {METHOD_GET, V1 "/slowest", "profile limit cursor", api_slowest},
    {METHOD_GET, V1 "/stats/failure-rate", "since until resolution group_by", api_failure_rate},
    {METHOD_GET, V1 "/feeds/failures.atom", "", api_failures_feed},
    {METHOD_GET, V1 "/badge.svg", "meta.", api_badge},
};
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);
