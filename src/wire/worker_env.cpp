// SPDX-License-Identifier: MIT
#include "wire/worker_env.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "base/escape.hpp"
#include "base/split.hpp"

namespace preforkd::worker_env {
namespace {

constexpr unsigned max_listen_fds = 4096;

constexpr auto all_names =
    std::to_array<const char*>({listen_pid, listen_pidfdid, listen_fds, listen_fdnames, notify_socket, watchdog_usec,
                                watchdog_pid, pool, worker, generation, drain_usec, settings, control_fd, stats_fd});

std::string assignment(const char* name, std::string_view value) { return std::string(name).append("=").append(value); }

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (&name != &names.front()) text += ':';
    text += name;
  }
  return text;
}

std::optional<std::string_view> get(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

std::string text_of(const char* name) { return std::string(get(name).value_or("")); }

Failure malformed(const char* name, std::string_view value, std::string_view reason) {
  return Failure(assignment(name, escape_bytes(value)).append(" ").append(reason));
}

// nullopt for an absent variable; fails if it is not a number of 0…max.
Result<std::optional<std::uint64_t>> number_of(const char* name, std::uint64_t max) {
  const std::optional<std::string_view> text = get(name);
  if (!text) return std::optional<std::uint64_t>();
  std::uint64_t value = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec == std::errc::result_out_of_range || (parsed.ec == std::errc() && parsed.ptr == end && value > max)) {
    return malformed(name, *text, "is above " + std::to_string(max));
  }
  if (parsed.ec != std::errc() || parsed.ptr != end) return malformed(name, *text, "is not a number");
  return value;
}

Result<bool> names_this_process(const char* pid_name) {
  const auto pid = number_of(pid_name, std::numeric_limits<std::int32_t>::max());
  if (!pid) return Failure(pid.error());
  return *pid == static_cast<std::uint64_t>(::getpid());
}

Result<std::vector<std::string>> decode_listen_names() {
  const Result<bool> ours = names_this_process(listen_pid);
  if (!ours) return Failure(ours.error());
  if (!*ours) return {};
  const auto count = number_of(listen_fds, max_listen_fds);
  if (!count) return Failure(count.error());
  const std::size_t sockets = count->value_or(0);
  const std::optional<std::string_view> names = get(listen_fdnames);
  if (sockets == 0) return {};
  if (!names) return std::vector<std::string>(sockets, "unknown");  // as in sd_listen_fds_with_names(3)
  const std::vector<std::string_view> parts = split(*names, ':');
  if (parts.size() == sockets) return std::vector<std::string>(parts.begin(), parts.end());
  return malformed(listen_fdnames, *names, "does not name each of the " + std::to_string(sockets) + " sockets");
}

Result<std::optional<Duration>> decode_span(const char* name) {
  const auto span = number_of(name, std::numeric_limits<std::int64_t>::max());
  if (!span) return Failure(span.error());
  if (!*span) return std::optional<Duration>();
  if (**span == 0) return malformed(name, "0", "is not an interval");
  return Duration(static_cast<std::int64_t>(**span));
}

Result<std::optional<Duration>> decode_watchdog() {
  const Result<bool> ours = names_this_process(watchdog_pid);
  if (!ours) return Failure(ours.error());
  return *ours ? decode_span(watchdog_usec) : std::optional<Duration>();
}

Result<int> decode_fd(const char* name) {
  const auto number = number_of(name, std::numeric_limits<int>::max());
  if (!number) return Failure(number.error());
  return *number ? static_cast<int>(**number) : -1;
}

// nullopt if this process is not a worker of a pool.
Result<std::optional<Member>> decode_member() {
  const auto names = std::to_array<const char*>({pool, worker, generation});
  if (std::none_of(names.begin(), names.end(), [](const char* name) { return get(name).has_value(); }))
    return std::optional<Member>();
  for (const char* name : names) {
    if (!get(name)) return Failure(std::string(name) + " is missing");
  }
  constexpr auto max = std::numeric_limits<unsigned>::max();
  const auto slot = number_of(worker, max);
  if (!slot) return Failure(slot.error());
  const auto number = number_of(generation, max);
  if (!number) return Failure(number.error());
  return Member{text_of(pool), static_cast<unsigned>(**slot), static_cast<unsigned>(**number)};
}

}  // namespace

bool is_contract_variable(std::string_view name) noexcept {
  return std::any_of(all_names.begin(), all_names.end(), [&](const char* known) { return name == known; });
}

std::vector<std::string> encode(const Contract& contract) {
  std::vector<std::string> variables{assignment(pool, contract.pool), assignment(worker, std::to_string(contract.slot)),
                                     assignment(generation, std::to_string(contract.generation))};
  const auto add = [&](bool present, const char* name, std::string_view value) {
    if (present) variables.push_back(assignment(name, value));
  };
  const bool listens = !contract.listen_names.empty();
  add(!contract.settings.empty(), settings, contract.settings);
  add(listens, listen_fds, std::to_string(contract.listen_names.size()));
  add(listens, listen_fdnames, join(contract.listen_names));
  add(!contract.notify_socket.empty(), notify_socket, contract.notify_socket);
  add(contract.watchdog.has_value(), watchdog_usec, std::to_string(contract.watchdog.value_or(Duration(0)).count()));
  add(contract.drain.has_value(), drain_usec, std::to_string(contract.drain.value_or(Duration(0)).count()));
  add(contract.control_fd >= 0, control_fd, std::to_string(contract.control_fd));
  add(contract.stats_fd >= 0, stats_fd, std::to_string(contract.stats_fd));
  return variables;
}

Result<Given> decode() {
  Given given;
  Result<std::vector<std::string>> listen_names = decode_listen_names();
  if (!listen_names) return Failure(listen_names.error());
  const Result<std::optional<Duration>> watchdog = decode_watchdog();
  if (!watchdog) return Failure(watchdog.error());
  const Result<std::optional<Duration>> drain = decode_span(drain_usec);
  if (!drain) return Failure(drain.error());
  const Result<int> control = decode_fd(control_fd);
  if (!control) return Failure(control.error());
  const Result<int> stats = decode_fd(stats_fd);
  if (!stats) return Failure(stats.error());
  Result<std::optional<Member>> member = decode_member();
  if (!member) return Failure(member.error());
  given.member = std::move(*member);
  given.listen_names = std::move(*listen_names);
  given.notify_socket = text_of(notify_socket);
  given.watchdog = *watchdog;
  given.drain = *drain;
  given.settings = text_of(settings);
  given.control_fd = *control;
  given.stats_fd = *stats;
  return given;
}

void unset_all() noexcept {
  for (const char* name : all_names) ::unsetenv(name);
}

}  // namespace preforkd::worker_env
