// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "master/base/instant.hpp"

namespace preforkd {

// The file in which the kernel counts the processes of a control group that the OOM killer ended: memory.events
// of version 2, memory.oom_control of version 1; nullopt if there is none to be read. The parameters are those of
// parse_control_groups.
[[nodiscard]] std::optional<std::string> oom_count_file(std::string_view membership, const std::string& mount);

// Tells which workers the OOM killer ended. The kernel does not say whom it killed, only how many in the
// control group, so the count is looked at when a worker has died of a SIGKILL that nobody here sent: if it has grown,
// that is why. Rejected: reading the kernel's log, which needs rights that a pool's master has not.
class OomKills {
 public:
  // The count as it is now is where it begins. No file: nothing is ever found.
  explicit OomKills(std::optional<std::string> file);

  // A worker has died of a SIGKILL that we did not send. True if the kernel's count says why. Each kill that was
  // counted is the reason of one death, and of none that comes much later: a worker's child may have been the one that
  // was killed.
  [[nodiscard]] bool explain_death(Instant now);

 private:
  [[nodiscard]] std::optional<std::uint64_t> count() const;  // nullopt: can't be read now

  const std::optional<std::string> file_;
  std::uint64_t seen_;
  std::uint64_t unexplained_ = 0;  // kills that were counted and no worker's death was put down to
  Instant counted_at_{};
};

}  // namespace preforkd
