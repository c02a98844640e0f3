// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>

#include "base/time_span.hpp"

namespace preforkd::ctl {

struct RolloutSettings {
  bool upgrade = false;  // the package; otherwise a reload
  // For the shell of the host. It asks nothing, and keeps configs that were changed.
  std::string upgrade_command =
      "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --only-upgrade "
      "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold preforkd libprefork0";
  unsigned parallel = 1;                          // hosts at a time
  Duration drain_wait = std::chrono::seconds(5);  // in which load balancers notice a drain
  Duration drain_timeout = std::chrono::seconds(30);
  Duration soak = std::chrono::seconds(10);
  Duration check_timeout = std::chrono::seconds(60);  // in which a pool that does not reload must be as wanted
};

}  // namespace preforkd::ctl
