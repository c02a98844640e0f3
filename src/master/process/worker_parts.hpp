// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace preforkd {

// What a next master must know of a worker's processes to watch them, as plain data: WorkerProcess::parts() and the
// constructor that takes them. Not in it: the pidfd, which is opened again by number.
struct WorkerParts {
  pid_t pid = 0;
  std::uint64_t started = 0;  // as ProcessStat::started; 0: unknown, and then nothing proves that it is this process
  std::string notify_path;
  std::string group;     // the name of its control group's folder; empty: none
  bool greeted = false;  // it has said Hello
  bool was_sent_sigkill = false;
  std::uint64_t told_at = 0;  // when all its processes got the stop signal, as ProcessStat::started; 0: they did not
  std::string status_text;
  std::optional<int> reported_error;
  bool reported = false;  // whether its program could be executed is known
  bool ended = false;     // the end of its first process was reported; only its remains are left

  bool operator==(const WorkerParts&) const = default;
};

// What a next master must get of a worker: the master's end of the control channel, the notify socket, and the memfd of
// the statistics page.
struct WorkerDescriptors {
  UniqueFd control;  // none if the worker has closed its end: many programs close descriptors that they don't know
  UniqueFd notify;
  UniqueFd stats;
};

// Tells them apart by their type, and makes them CLOEXEC. nullopt if the second or third one is missing, or one is
// there twice or is something else: they come from outside.
[[nodiscard]] std::optional<WorkerDescriptors> sort_descriptors(std::vector<UniqueFd> descriptors);

}  // namespace preforkd
