// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace preforkd {

// The names of libprefork's close reasons: the value of a prefork::CloseReason is an index here and in
// StatsPage::closes_by_reason. The master names them from this list, because it knows no header of the library. A
// worker with a newer library may count reasons that are not listed yet.
inline constexpr auto close_reason_names = std::to_array<std::string_view>({"peer-closed",
                                                                            "unfinished-message",
                                                                            "peer-reset",
                                                                            "closed-by-server",
                                                                            "message-too-long",
                                                                            "idle-timeout",
                                                                            "message-timeout",
                                                                            "write-timeout",
                                                                            "handler-failed",
                                                                            "drained",
                                                                            "drain-timeout",
                                                                            "out-of-memory",
                                                                            "first-message-timeout",
                                                                            "reply-timeout",
                                                                            "output-limit",
                                                                            "input-limit",
                                                                            "reply-too-long",
                                                                            "bad-message",
                                                                            "handed-over",
                                                                            "bad-proxy-header",
                                                                            "peer-limit"});

// Of connections that another worker has taken over.
inline constexpr auto handed_over_reason = static_cast<std::size_t>(
    std::find(close_reason_names.begin(), close_reason_names.end(), "handed-over") - close_reason_names.begin());

inline constexpr std::string_view unknown_close_reason = "unknown";

}  // namespace preforkd
