// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "ctl/command/command_line.hpp"
#include "ctl/output/screen.hpp"
#include "ctl/password_agent.hpp"
#include "pools/bus/bus.hpp"
#include "pools/bus/pool_client.hpp"
#include "pools/known_pools.hpp"

namespace preforkd::ctl {

// The context of a verb.
class Context {
 public:
  // Both must outlive it.
  Context(const Options& options, const Screen& screen) : options_(options), screen_(screen) {}

  // Connects at the first use; throws ExitError.
  [[nodiscard]] Bus& bus();

  // The pool of the first argument. Throws ExitError if its name is not valid, or if it is not on the bus.
  [[nodiscard]] PoolClient pool() { return pool(options_.arguments.at(0)); }
  [[nodiscard]] PoolClient pool(const std::string& name);

  // The same for a verb that changes something: polkit may ask the user for a password.
  [[nodiscard]] PoolClient pool_to_change();
  // Starts polkit's agent if one is needed. Returns whether polkit may ask for a password.
  bool ask_passwords();

  // Read at the first use. Throws ExitError.
  [[nodiscard]] KnownPools& known_pools();
  [[nodiscard]] const PoolConfigs& configs();

  [[nodiscard]] bool json() const { return options_.json != JsonMode::off; }

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] const Screen& screen() const noexcept { return screen_; }

 private:
  const Options& options_;
  const Screen& screen_;
  std::optional<Bus> bus_;
  std::optional<PoolConfigs> configs_;
  std::optional<KnownPools> known_pools_;
  std::optional<PasswordAgent> agent_;
};

}  // namespace preforkd::ctl
