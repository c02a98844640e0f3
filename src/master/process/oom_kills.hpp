// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/group_folder.hpp"
#include "base/unique_fd.hpp"
#include "master/base/instant.hpp"

namespace preforkd {

// The file in which the kernel counts the processes of a control group that the OOM killer ended: memory.events of
// version 2, memory.oom_control of version 1; nullopt if neither can be read. The parameters are those of
// parse_control_groups.
[[nodiscard]] std::optional<std::string> oom_count_file(std::string_view membership, const std::string& mount);

// Finds out which workers the OOM killer ended. The kernel reports only the number of kills in a control group: that of
// the worker (OomWatch), else one that it shares. So the count is read when a worker was ended by a SIGKILL that the
// master did not send: if it has grown, that is the reason. Rejected: reading the kernel's log, for which a pool's
// master has no rights.
class OomKills {
 public:
  // Counts from the present value on. Without a file no kill is ever found.
  explicit OomKills(const std::optional<std::string>& file);
  // Of a worker's own group. Keeps no file open, since there are many workers.
  explicit OomKills(const GroupFolder& group);
  [[nodiscard]] static std::string path_in(const GroupFolder& group);

  // Whether the kernel counts them.
  [[nodiscard]] bool known() const { return count().has_value(); }
  // The count may have grown just now. Otherwise it is found to have grown only when a worker has died. False: it can't
  // be read.
  bool look(Instant now);
  // A worker was ended by a SIGKILL that we did not send. True if the kernel's count explains it. Each counted kill
  // explains one death, and none that comes much later: the OOM killer may have ended a worker's child instead.
  [[nodiscard]] bool explain_death(Instant now);

 private:
  [[nodiscard]] std::optional<std::uint64_t> count() const;  // nullopt: can't be read now

  const std::string path_;  // empty: of the open file
  const UniqueFd file_;
  std::uint64_t seen_;
  std::uint64_t unexplained_ = 0;  // counted kills that do not explain a worker's death yet
  Instant counted_at_{};
};

}  // namespace preforkd
