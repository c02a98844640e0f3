// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "ctl/output/worker_table.hpp"
#include "pools/bus/json.hpp"
#include "pools/bus/pool_snapshot.hpp"
#include "pools/known_pools.hpp"

namespace preforkd::ctl {

// The output of --json. Names are those of the D-Bus interface in snake_case; times are microseconds since 1970, sizes
// bytes. What is not counted is null.
[[nodiscard]] Json to_json(const PoolSnapshot& pool);
// The same and, for each pool, "remark" and "config_problem". What only the pool itself can report is null if it does
// not answer.
[[nodiscard]] Json to_json(const KnownPool& pool);
// In a row without details, unknown values are null.
[[nodiscard]] Json to_json(const WorkerRow& row);
[[nodiscard]] Json to_json(const PastExit& exit);
[[nodiscard]] Json to_json(const PlannedChange& change);

template <class T>
[[nodiscard]] Json to_json(const std::vector<T>& all) {
  Json array = Json::array();
  for (const T& each : all) array.push_back(to_json(each));
  return array;
}

}  // namespace preforkd::ctl
