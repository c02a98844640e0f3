// SPDX-License-Identifier: MIT
#include "torture/ledger.hpp"

#include <algorithm>
#include <utility>

namespace preforkd::torture {

std::string_view to_string(Loss kind) noexcept {
  switch (kind) {
    case Loss::no_connection:
      return "no connection";
    case Loss::reset:
      return "reset";
    case Loss::closed:
      return "closed";
    case Loss::timed_out:
      return "no reply";
    case Loss::wrong_reply:
      return "wrong reply";
  }
  return "unknown";
}

void Ledger::note_kill(pid_t worker, Clock::time_point from, Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  kills_.push_back({worker, from, until});
}

void Ledger::note_failure(Failure failure) {
  const std::lock_guard lock(mutex_);
  failures_.push_back(std::move(failure));
}

void Ledger::note_closed_at_rest(Clock::time_point began, Clock::time_point ended) {
  const std::lock_guard lock(mutex_);
  rests_.push_back({began, ended});
}

std::size_t Ledger::kills() const {
  const std::lock_guard lock(mutex_);
  return kills_.size();
}

// A killed process resets its connections; it neither answers wrongly nor makes clients wait, and the listening socket
// is not its own. A worker that has answered is known by its process id. For a connection without an answer it is only
// known that a worker was killed while the connection was open.
bool Ledger::in_killed_hands(const Failure& failure) const {
  if (failure.kind != Loss::reset && failure.kind != Loss::closed) return false;
  return std::any_of(kills_.begin(), kills_.end(), [&](const Kill& kill) {
    return kill.from <= failure.ended && kill.until >= failure.began &&
           (failure.worker == 0 || kill.worker == failure.worker);
  });
}

std::array<Ledger::Count, losses> Ledger::lost() const {
  const std::lock_guard lock(mutex_);
  std::array<Count, losses> counts{};
  for (const Failure& failure : failures_) {
    Count& count = counts[static_cast<std::size_t>(failure.kind)];
    count.all += failure.requests;
    if (in_killed_hands(failure)) count.in_killed_hands += failure.requests;
  }
  return counts;
}

Ledger::Count Ledger::closed_at_rest() const {
  const std::lock_guard lock(mutex_);
  Count count;
  for (const Rest& rest : rests_) {
    ++count.all;
    const auto overlaps = [&](const Kill& kill) { return kill.from <= rest.ended && kill.until >= rest.began; };
    if (std::any_of(kills_.begin(), kills_.end(), overlaps)) ++count.in_killed_hands;
  }
  return count;
}

std::uint64_t Ledger::unexcused() const {
  std::uint64_t sum = 0;
  for (const Count& count : lost()) sum += count.all - count.in_killed_hands;
  return sum;
}

std::vector<std::string> Ledger::unexcused_lines(std::size_t most) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  for (const Failure& failure : failures_) {
    if (lines.size() == most) break;
    if (in_killed_hands(failure)) continue;
    const std::chrono::duration<double> since = failure.ended - begin_;
    const std::chrono::duration<double, std::milli> age = failure.ended - failure.began;
    lines.push_back("at " + std::to_string(since.count()) + " s, " + std::string(failure.load) + ", worker " +
                    (failure.worker == 0 ? "unknown" : std::to_string(failure.worker)) + ", connection " +
                    std::to_string(age.count()) + " ms old: " + failure.text);
  }
  return lines;
}

}  // namespace preforkd::torture
