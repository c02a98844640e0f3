// SPDX-License-Identifier: MIT
#include "master/process/worker_room.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/control_group.hpp"
#include "base/counted.hpp"
#include "base/process_facts.hpp"

namespace preforkd {
namespace {

constexpr std::uint64_t spare_descriptors = 16;  // while a worker is started, and for the callers on the bus

// nullopt for "max", and for what is not a number.
std::optional<std::uint64_t> number_in(const std::string& file) {
  const std::string text = read_kernel_file(file);
  std::uint64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return std::nullopt;
  return number;
}

std::uint64_t wanted(const WorkerRoom& room) noexcept { return std::uint64_t{room.workers} + room.surge; }

std::uint64_t open_descriptors() {
  std::uint64_t count = 0;
  for_each_descriptor(getpid(), [&count](std::string_view) {
    ++count;
    return true;
  });
  return count;
}

std::string lack_of(const std::string& what, std::uint64_t needed, std::uint64_t allowed, const std::string& limit) {
  return counted(needed, what) + ", but only " + std::to_string(allowed) + " are allowed (" + limit +
         "): not all will start";
}

std::optional<std::string> lack_of_descriptors(const WorkerRoom& room) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  constexpr std::uint64_t each = WorkerRoom::descriptors_each;
  const std::uint64_t open = open_descriptors();  // less than `each` for a worker that has closed its control channel
  const std::uint64_t others = open - std::min<std::uint64_t>(open, room.present * each);
  const std::uint64_t running = others + wanted(room) * each + spare_descriptors;
  const std::uint64_t starting = std::max(room.workers - std::min(room.workers, room.present), room.surge);
  const std::uint64_t needed = running + starting;
  if (needed <= limit.rlim_cur) return std::nullopt;
  return lack_of("descriptor", needed, limit.rlim_cur, "RLIMIT_NOFILE of preforkd; in its unit: LimitNOFILE=") +
         (running <= limit.rlim_cur ? " at once" : "");
}

// It does not bind root.
std::optional<std::string> lack_of_processes_of_user(const WorkerRoom& room) {
  rlimit limit{};
  if (geteuid() == 0 || getrlimit(RLIMIT_NPROC, &limit) != 0 || wanted(room) < limit.rlim_cur) return std::nullopt;
  return lack_of("process", wanted(room) + 1, limit.rlim_cur, "RLIMIT_NPROC of preforkd; in its unit: LimitNPROC=");
}

// The limit of a group also binds those below it.
std::optional<std::string> lack_of_processes_in_group(const WorkerRoom& room, const ControlGroup& where) {
  for (std::string group = where.group;; group.resize(group.rfind('/'))) {
    const std::string folder = where.mount + group;
    const auto most = number_in(folder + "/pids.max");
    const std::uint64_t others = number_in(folder + "/pids.current").value_or(0);
    const std::uint64_t needed = wanted(room) + others - std::min<std::uint64_t>(room.present, others);
    if (most && needed > *most) return lack_of("process", needed, *most, folder + "/pids.max; in a unit: TasksMax=");
    if (group.rfind('/') == std::string::npos) return std::nullopt;
  }
}

}  // namespace

std::vector<std::string> WorkerRoom::shortages() const {
  std::vector<std::string> lines;
  const std::string who =
      counted(workers, "worker") + (surge > 0 ? " and " + std::to_string(surge) + " more in a reload" : "");
  const auto add = [&](const std::optional<std::string>& lack) {
    if (lack) lines.push_back(who + " need at least " + *lack);
  };
  add(lack_of_descriptors(*this));
  add(lack_of_processes_of_user(*this));
  for (const ControlGroup& each : parse_control_groups(membership, mount)) {
    if (each.unified() || each.controls("pids")) add(lack_of_processes_in_group(*this, each));
  }
  return lines;
}

}  // namespace preforkd
