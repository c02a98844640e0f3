// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "torture/ledger.hpp"

namespace preforkd::torture {

// The behaviour of the load's clients.
struct Habit {
  std::string_view name;
  unsigned connections = 1;  // clients, each with one connection at a time
  unsigned requests = 1;     // in the life of a connection
  unsigned depth = 1;        // requests sent together
};
inline constexpr Habit one_request{"one request a connection", 4, 1, 1};
inline constexpr Habit many_requests{"many requests a connection", 3, 300, 1};
inline constexpr Habit batches{"batches of requests", 2, 400, 8};

// Clients that send requests without a pause and check every reply. The workers answer a line with "SLOT PID: LINE".
class Load {
 public:
  // Borrows the ledger.
  Load(std::string address, const std::vector<Habit>& habits, Ledger& ledger);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { stop(); }

  // Each client finishes its present connection.
  void stop();

 private:
  void run(const Habit& habit, unsigned client);
  void talk(const Habit& habit, unsigned client, std::uint64_t connection);

  const std::string address_;
  Ledger& ledger_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> clients_;
};

}  // namespace preforkd::torture
