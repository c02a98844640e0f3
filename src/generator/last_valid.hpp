// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/config_places.hpp"
#include "generator/pool_units.hpp"

namespace preforkd {

// The last valid units of each pool. systemd deletes what a generator wrote before it runs it again, and then closes
// the sockets of a unit without addresses: a config with a mistake, and any daemon-reload, would cost a pool its
// listening sockets. So the units of such a pool stay unchanged.
//
// FOLDER/POOL.json: {"units": {PATH: TEXT, ...}, "places": {ADDRESS: NUMBER, ...}, "problem": TEXT}, problem only while
// the config is wrong; preforkctl shows it. The folder is on a tmpfs: a pool whose config is wrong at boot has no units
// to keep.
class LastValid {
 public:
  // Makes `folder` if it does not exist. Empty: keeps nothing.
  explicit LastValid(std::string folder) : folder_(std::move(folder)) {}

  // The pool's last valid units; empty if none are known.
  [[nodiscard]] PoolUnits recall(const std::string& pool) const;
  // `problem`: why the config is wrong now, if it is. Throws std::system_error.
  void remember(const std::string& pool, const PoolUnits& units, const std::string& problem) const;
  // Forgets every other pool.
  void forget_all_but(const std::set<std::string>& pools) const;

 private:
  [[nodiscard]] std::string path_of(const std::string& pool) const { return pool_file(folder_, pool); }

  std::string folder_;
};

}  // namespace preforkd
