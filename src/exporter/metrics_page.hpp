// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "exporter/web_server.hpp"
#include "pools/known_pools.hpp"

namespace preforkd::exporter {

// Answers a request: GET and HEAD of /metrics with what `survey` finds. 404 elsewhere, 405 for other methods.
[[nodiscard]] WebResponse metrics_page(const WebRequest& request,
                                       const std::function<std::vector<KnownPool>()>& survey);

}  // namespace preforkd::exporter
