// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>

namespace preforkd {

// The names of libprefork's close reasons: the value of a prefork::CloseReason is an index here and in
// StatsPage::closes_by_reason. The master names them from this list, because it knows no header of the library. A
// worker with a newer library may count reasons that are not listed yet.
inline constexpr auto close_reason_names = std::to_array<std::string_view>(
    {"peer-closed", "unfinished-message", "peer-reset", "closed-by-server", "message-too-long", "idle-timeout",
     "message-timeout", "write-timeout", "handler-failed", "drained", "drain-timeout", "out-of-memory",
     "first-message-timeout", "reply-timeout", "output-limit", "input-limit", "reply-too-long", "bad-message",
     "handed-over"});

inline constexpr std::string_view unknown_close_reason = "unknown";

}  // namespace preforkd
