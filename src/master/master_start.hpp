// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "master/predecessor.hpp"
#include "master/process_setup.hpp"
#include "master/succession/inherited_descriptors.hpp"
#include "master/upgrade.hpp"

namespace preforkd {

// What a master starts with.
struct MasterStart {
  ConfigSource source{};                              // a reload reads it again
  std::shared_ptr<const PoolConfig> config{};         // the live one
  std::shared_ptr<const PoolConfig> config_of_units;  // as it was when systemd started this process
  ProcessSetup setup;
  std::string bus_address;  // empty for no message bus
  std::string socket_unit;  // of this service; empty if there is none
  Invocation invocation;
  std::vector<std::string> stored{};  // the names of the descriptors that systemd keeps, maybe among others
  InheritedDescriptors inherited{};
  std::optional<Predecessor> predecessor;

  // Where that one was: the pool keeps its config until a reload, and this process what an execve has hidden from it.
  void go_on_from(Predecessor found);
};

}  // namespace preforkd
