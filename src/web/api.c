/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#define V1 "/api/v1"

const struct route api_routes[] = {
    {METHOD_GET, "/healthz", "", api_healthz},
    {METHOD_GET, V1, "", api_root},
    {METHOD_GET, V1 "/runs", "state since until meta. limit cursor", api_runs},
    {METHOD_GET, V1 "/runs/{run}", "", api_run},
    {METHOD_GET, V1 "/runs/{run}/stream", "", api_stream},
    {METHOD_GET, V1 "/runs/{run}/events", "", api_events},
    {METHOD_GET, V1 "/runs/{run}/results", "status worker q sort limit cursor", api_results},
    {METHOD_GET, V1 "/runs/{run}/results/{test}/attempts", "", api_attempts},
    {METHOD_GET, V1 "/runs/{run}/results/{test}/attempts/{attempt}/attachments/{name}", "", api_attachment},
    {METHOD_GET, V1 "/tests", "prefix q limit cursor", api_tests},
    {METHOD_GET, V1 "/tests/{test}", "", api_test},
    {METHOD_GET, V1 "/tests/{test}/history", "limit cursor", api_history},
};
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);
