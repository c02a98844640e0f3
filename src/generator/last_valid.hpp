// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "generator/pool_units.hpp"

namespace preforkd {

// The units of each pool as its config last was valid. systemd throws away what a generator wrote before it runs it
// again, and closes the sockets of a unit that is then without addresses: a config with a mistake, and any
// daemon-reload, would cost a pool its listening sockets. So the units of such a pool stay what they were.
//
// FOLDER/POOL.json: {"units": {PATH: TEXT, ...}, "places": {ADDRESS: NUMBER, ...}, "problem": TEXT}, problem only while
// the config is wrong; preforkctl shows it. The folder is on a tmpfs: a pool whose config is wrong at boot has no units
// to keep.
class LastValid {
 public:
  // `folder` is made if it is not there. Empty: nothing is kept.
  explicit LastValid(std::string folder) : folder_(std::move(folder)) {}

  // The pool's last valid units; none if nothing is known of it.
  [[nodiscard]] PoolUnits recall(const std::string& pool) const;
  // `problem`: why the config is wrong now, if it is. Throws std::system_error.
  void remember(const std::string& pool, const PoolUnits& units, const std::string& problem) const;
  // Forgets every other pool.
  void forget_all_but(const std::set<std::string>& pools) const;

 private:
  [[nodiscard]] std::string path_of(const std::string& pool) const { return folder_ + '/' + pool + ".json"; }

  std::string folder_;
};

}  // namespace preforkd
