// SPDX-License-Identifier: MIT
#include "master/process/oom_kills.hpp"

#include <fcntl.h>

#include <charconv>

#include "base/control_group.hpp"
#include "base/process_facts.hpp"
#include "master/process/worker_groups.hpp"

namespace preforkd {
namespace {

// Processes that are killed together are all reaped by then.
constexpr Duration one_event = std::chrono::seconds(5);

std::optional<std::uint64_t> count_in(std::string_view text) {
  constexpr std::string_view name = "oom_kill ";
  for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    const std::string_view line = text.substr(begin);
    std::uint64_t number = 0;
    if (line.starts_with(name)) {
      const auto end = std::from_chars(line.data() + name.size(), line.data() + line.size(), number);
      return end.ec == std::errc{} ? std::optional(number) : std::nullopt;
    }
    if (line.find('\n') == std::string_view::npos) break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> oom_count_file(std::string_view membership, const std::string& mount) {
  for (const ControlGroup& each : parse_control_groups(membership, mount)) {
    if (!each.unified() && !each.controls("memory")) continue;
    const std::string name = each.unified() ? "/memory.events" : "/memory.oom_control";
    std::string own = each.group;
    // The groups of the workers are beside that of the master; the service's counts for all of them.
    if (own.ends_with(".service" + master_group)) own.resize(own.size() - master_group.size());
    // In a container the path may be that of the host, while the group's folder is mounted as the root.
    for (const std::string& group : {own, std::string()}) {
      std::string file = each.mount + group + name;
      if (count_in(read_kernel_file(file))) return file;
    }
  }
  return std::nullopt;
}

OomKills::OomKills(const std::optional<std::string>& file)
    : file_(file ? open(file->c_str(), O_RDONLY | O_CLOEXEC) : -1), seen_(count().value_or(0)) {}

OomKills::OomKills(const GroupFolder& group) : path_(path_in(group)), seen_(count().value_or(0)) {}

std::string OomKills::path_in(const GroupFolder& group) { return group.path() + "/memory.events"; }

bool OomKills::look(Instant now) {
  const std::optional<std::uint64_t> present = count();
  if (!present) return false;
  if (now - counted_at_ > one_event) unexplained_ = 0;
  if (*present > seen_) {
    unexplained_ += *present - seen_;
    counted_at_ = now;
  }
  seen_ = *present;
  return true;
}

bool OomKills::explain_death(Instant now) {
  if (!look(now) || unexplained_ == 0) return false;
  --unexplained_;
  return true;
}

std::optional<std::uint64_t> OomKills::count() const {
  return count_in(path_.empty() ? read_kernel_file(file_.get()) : read_kernel_file(path_));
}

}  // namespace preforkd
