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

// Clients that ask without a pause while a test does something to the pool, and check each reply: it must end with the
// line that was sent. Each connection asks a few times, then makes place for a new one.
class Load {
 public:
  explicit Load(std::string address, unsigned clients = 3);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load();

  // Waits until so many more requests were answered: so that the load is there before, while and after something
  // happens.
  void wait_for_more(std::uint64_t requests, const Deadline& deadline = {});

  // Ends it. What went wrong, each failure a line; empty if nothing did.
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
