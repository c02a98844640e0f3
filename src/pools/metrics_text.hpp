// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "pools/known_pools.hpp"

namespace preforkd {

enum class MetricsFormat { open_metrics, prometheus };

// The pools in the text format of OpenMetrics 1.0, from its first family to "# EOF". One that is down has only
// preforkd_pool_up. Families of a pool are named
// preforkd_…, those of a slot's worker preforkd_worker_…; labels are "pool", "slot", "listener" and "address". A
// worker's counters begin again with its process, as those of a service do that was restarted. Counters by name are the
// pool's, of all its workers since the master started, and have no slot: preforkd_worker_exits_total with the label
// "cause", preforkd_worker_closes_total with "reason" and preforkd_worker_application_total with "counter".
// What is not counted has no sample.
//
// Or the same samples in Prometheus' text format 0.0.4, which knows fewer types.
[[nodiscard]] std::string metrics_text(const std::vector<KnownPool>& pools, MetricsFormat format);

}  // namespace preforkd
