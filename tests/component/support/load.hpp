// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/deadline.hpp"

namespace preforkd::component {

// Clients that send requests without a pause while a test changes the pool, and check each reply: it must end with the
// line that was sent. Each connection sends a few requests, then a new one replaces it.
class Load {
 public:
  explicit Load(std::string address, unsigned clients = 3);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load();

  // Waits for this many more answers, so that there is load before, while and after something happens.
  void wait_for_more(std::uint64_t requests, const Deadline& deadline = {});

  // Ends the load. Returns the failures, one line each; empty if there were none.
  std::vector<std::string> stop();

 private:
  void run(unsigned client);
  void talk(unsigned client, unsigned connection);

  const std::string address_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable answered_more_;
  std::uint64_t answered_ = 0;
  std::vector<std::string> failures_;
  std::vector<std::thread> threads_;
};

}  // namespace preforkd::component
