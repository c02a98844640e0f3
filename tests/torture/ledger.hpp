// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd::torture {

using Clock = std::chrono::steady_clock;

enum class Loss : std::uint8_t { no_connection, reset, closed, timed_out, wrong_reply };
inline constexpr std::size_t losses = 5;
[[nodiscard]] std::string_view to_string(Loss kind) noexcept;

// The end of a connection before all its requests were answered.
struct Failure {
  Loss kind{};
  std::string_view load;      // "one request a connection", …
  unsigned requests = 1;      // begun and not answered
  pid_t worker = 0;           // that has answered on this connection; 0: none
  Clock::time_point began{};  // of the connection
  Clock::time_point ended{};
  std::string text;
};

// The killed workers, the answered requests and the lost ones, and how many of those the killed workers may have had.
// All threads write to it.
class Ledger {
 public:
  struct Count {
    std::uint64_t all = 0;
    std::uint64_t in_killed_hands = 0;
  };

  // The worker got SIGKILL at `from` and had ended at `until`: meanwhile it may have ended a system call, such as
  // accept(2).
  void note_kill(pid_t worker, Clock::time_point from, Clock::time_point until);
  void note_answers(std::uint64_t count) noexcept { answered_ += count; }
  void note_failure(Failure failure);
  // A connection was closed while no request was on its way.
  void note_closed_at_rest(Clock::time_point began, Clock::time_point ended);

  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }
  [[nodiscard]] std::size_t kills() const;
  [[nodiscard]] std::array<Count, losses> lost() const;
  [[nodiscard]] Count closed_at_rest() const;
  // Requests that were lost although no killed worker can have had them.
  [[nodiscard]] std::uint64_t unexcused() const;
  // The first of those failures, one line each.
  [[nodiscard]] std::vector<std::string> unexcused_lines(std::size_t most) const;

 private:
  struct Kill {
    pid_t worker;
    Clock::time_point from;
    Clock::time_point until;
  };

  struct Rest {
    Clock::time_point began;
    Clock::time_point ended;
  };

  [[nodiscard]] bool in_killed_hands(const Failure& failure) const;

  const Clock::time_point begin_ = Clock::now();
  std::atomic<std::uint64_t> answered_ = 0;
  mutable std::mutex mutex_;
  std::vector<Kill> kills_;
  std::vector<Failure> failures_;
  std::vector<Rest> rests_;  // that ended with the connection
};

}  // namespace preforkd::torture
