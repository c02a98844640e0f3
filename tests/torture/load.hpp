// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
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
  unsigned connections = 1;           // clients, each with one connection at a time
  unsigned requests = 1;              // in the life of a connection
  unsigned depth = 1;                 // requests sent together
  std::chrono::milliseconds rest{0};  // after each answer
};
inline constexpr Habit one_request{"one request a connection", 4, 1, 1};
inline constexpr Habit many_requests{"many requests a connection", 3, 300, 1};
inline constexpr Habit batches{"batches of requests", 2, 400, 8};
inline constexpr Habit rests{"a rest after each request", 4, 30, 1, std::chrono::milliseconds(100)};

// Clients that send requests without a pause and check every reply. The workers answer a line with "SLOT PID: LINE".
class Load {
 public:
  // Borrows the ledger. `moves`: another worker may answer on the same connection.
  Load(std::string address, const std::vector<Habit>& habits, bool moves, Ledger& ledger);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { stop(); }

  // Each client finishes its present connection.
  void stop();

 private:
  void run(const Habit& habit, unsigned client);
  void talk(const Habit& habit, unsigned client, std::uint64_t connection);

  // False: the connection has ended.
  [[nodiscard]] bool rest(const Habit& habit, int fd, Clock::time_point asked_at);

  const std::string address_;
  const bool moves_;
  Ledger& ledger_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> clients_;
};

}  // namespace preforkd::torture
