// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "ctl/base/json.hpp"
#include "ctl/bus/pool_state.hpp"
#include "ctl/output/worker_rows.hpp"

namespace preforkd::ctl {

// What --json prints. Names are those of the D-Bus interface in snake_case; times are microseconds since 1970, sizes
// bytes.
[[nodiscard]] Json to_json(const PoolState& pool);
// Of a row without details only what is known.
[[nodiscard]] Json to_json(const WorkerRow& row);
[[nodiscard]] Json to_json(const ExitRecord& exit);
[[nodiscard]] Json to_json(const PlannedChange& change);

template <class T>
[[nodiscard]] Json to_json(const std::vector<T>& all) {
  Json array = Json::array();
  for (const T& each : all) array.push_back(to_json(each));
  return array;
}

}  // namespace preforkd::ctl
