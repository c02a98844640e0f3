// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace prefork {
inline namespace v0 {

class Server;

// A number of the application that only grows, from Server::counter(). A small value that may be copied. It must not be
// used after its server is destroyed.
class Counter {
 public:
  Counter() noexcept = default;  // add() does nothing

  // A relaxed atomic addition to memory that preforkd reads: no system call and no lock, so any number of threads may
  // add at the same time. It orders nothing else.
  void add(std::uint64_t amount = 1) const noexcept {
    if (value_ != nullptr) value_->fetch_add(amount, std::memory_order_relaxed);
  }

 private:
  friend class Server;
  explicit Counter(std::atomic<std::uint64_t>& value) noexcept : value_(&value) {}
  std::atomic<std::uint64_t>* value_ = nullptr;
};

}  // namespace v0
}  // namespace prefork
