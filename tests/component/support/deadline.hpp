// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

namespace preforkd::component {

// Thrown when a wait times out, and by every other failure of the harness: the test fails with its text.
class HarnessError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// How long a test waits for an expected event. Only a failing test waits this long, so it is generous: sanitizers and a
// busy machine are slow.
inline constexpr std::chrono::seconds patience{20};

// A point in time that several consecutive waits share.
class Deadline {
 public:
  Deadline(std::chrono::milliseconds from_now = patience)  // NOLINT(google-explicit-constructor): "200ms" is a deadline
      : at_(std::chrono::steady_clock::now() + from_now) {}

  [[nodiscard]] bool passed() const { return std::chrono::steady_clock::now() >= at_; }
  [[nodiscard]] std::chrono::steady_clock::time_point at() const { return at_; }
  // For poll(2): the remaining milliseconds, rounded up, at least 0.
  [[nodiscard]] int poll_timeout() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(0, left.count()));
  }

 private:
  std::chrono::steady_clock::time_point at_;
};

// Waits until `fd` has one of `events` (poll(2) bits); false if the deadline passes first.
[[nodiscard]] bool wait_ready(int fd, short events, const Deadline& deadline);

// For states without an event of the kernel (a file of /proc, a process's descriptors): checks every few milliseconds
// until `holds` is true; false if the deadline passes first.
[[nodiscard]] bool eventually(const std::function<bool()>& holds, const Deadline& deadline = {});

}  // namespace preforkd::component
