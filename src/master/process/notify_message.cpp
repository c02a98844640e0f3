// SPDX-License-Identifier: MIT
#include "master/process/notify_message.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/escape.hpp"
#include "base/whole_number.hpp"

namespace preforkd {
namespace {

constexpr int max_errno = 4095;  // MAX_ERRNO of the kernel

// Too large a number is not a span. Half the range is kept free so that adding a span to an Instant cannot overflow.
std::optional<Duration> parse_span(std::string_view text) noexcept {
  constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<Duration::rep>::max() / 2);
  const auto usec = whole_number<std::uint64_t>(text);
  if (!usec || *usec > max) return std::nullopt;
  return Duration(static_cast<Duration::rep>(*usec));
}

void apply(NotifyMessage& message, std::string_view name, std::string_view value) {
  if (name == "READY") {
    message.ready = value == "1";
  } else if (name == "STOPPING") {
    message.stopping = value == "1";
  } else if (name == "WATCHDOG") {
    if (value == "1") message.alive = true;
    if (value == "trigger") message.watchdog_trigger = true;
  } else if (name == "STATUS") {
    message.status = escape_bytes(value, max_status_bytes);
  } else if (name == "WATCHDOG_USEC") {
    if (const auto span = parse_span(value)) message.watchdog = span;
  } else if (name == "EXTEND_TIMEOUT_USEC") {
    const auto span = parse_span(value);
    if (span && span->count() > 0) message.extend_timeout = span;
  } else if (name == "ERRNO") {
    const auto error = whole_number<int>(value);
    if (error && *error > 0 && *error <= max_errno) message.error = error;
  }
}

}  // namespace

Result<NotifyMessage> parse_notify_message(std::string_view datagram) {
  if (datagram.size() > max_notify_bytes) return Failure("longer than " + std::to_string(max_notify_bytes) + " bytes");
  if (!datagram.empty() && datagram.back() == '\0') datagram.remove_suffix(1);
  if (datagram.find('\0') != std::string_view::npos) return Failure("has a NUL byte in it");
  NotifyMessage message;
  bool any = false;
  while (!datagram.empty()) {
    const std::string_view line = datagram.substr(0, datagram.find('\n'));
    datagram.remove_prefix(std::min(line.size() + 1, datagram.size()));
    const std::size_t equals = line.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    any = true;
    apply(message, line.substr(0, equals), line.substr(equals + 1));
  }
  if (!any) return Failure("has no NAME=value line");
  return message;
}

}  // namespace preforkd
