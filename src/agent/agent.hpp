// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <prefork/server.hpp>

#include "agent/busy_shares.hpp"
#include "pools/bus/bus.hpp"
#include "pools/known_pools.hpp"

namespace preforkd::agent {

// Answers each line of a client, the name of a pool, with what HAProxy is to do with the host, and closes the
// connection. Asks pools without waiting for them, so one that is stopped does not hold up the answers about others.
class Agent {
 public:
  // Sets up `server`, which must outlive it and ends after `idle_exit` without a client.
  Agent(prefork::Server& server, const BusTarget& target, std::chrono::milliseconds idle_exit);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

 private:
  class Question;
  void take(prefork::Connection& connection, std::string_view line);
  void ask(const std::shared_ptr<Question>& question, const std::string& pool);
  [[nodiscard]] std::string answer_about_absent(const std::string& pool);
  [[nodiscard]] Bus& bus();
  void handle_bus();
  void lose_bus();
  void rest();

  prefork::Server& server_;
  const BusTarget target_;
  const std::chrono::milliseconds idle_exit_;
  std::optional<Bus> bus_;  // while it works
  bool told_ = false;       // a failure was logged, and the bus has not been reached since
  prefork::WatchId watch_{};
  prefork::TimerId idle_timer_{};
  std::size_t clients_ = 0;
  BusyShares busy_;
};

}  // namespace preforkd::agent
