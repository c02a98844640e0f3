// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/errors.hpp"
#include "base/time_span.hpp"

namespace preforkd {

// One datagram of the sd_notify(3) protocol: the fields of the worker contract.
struct NotifyMessage {
  bool ready = false;                      // READY=1
  bool stopping = false;                   // STOPPING=1
  bool alive = false;                      // WATCHDOG=1
  bool watchdog_trigger = false;           // WATCHDOG=trigger
  std::optional<std::string> status;       // STATUS=, made safe for one line of a log; may be empty
  std::optional<Duration> watchdog;        // WATCHDOG_USEC=; 0: it wants no watchdog
  std::optional<Duration> extend_timeout;  // EXTEND_TIMEOUT_USEC=
  std::optional<int> error;                // ERRNO=
};

inline constexpr std::size_t max_notify_bytes = 4096;  // systemd's limit too; longer datagrams are ignored as a whole
inline constexpr std::size_t max_status_bytes = 256;   // a longer status is cut

// Reads "NAME=value" lines. Ignores lines of other names (RELOADING, MAINPID, FDSTORE, X_…; BARRIER, too: its
// descriptor says all, see NotifySocket::Datagram) and known names with an invalid value; the last line of a name
// counts. Fails for an oversized datagram, one that contains a NUL (except at the end), and one without any
// "NAME=value" line: nothing in them counts.
[[nodiscard]] Result<NotifyMessage> parse_notify_message(std::string_view datagram);

}  // namespace preforkd
