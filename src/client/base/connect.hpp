// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/time_span.hpp"
#include "base/unique_fd.hpp"

namespace preforkd::client {

// No connection could be made; what() is "connect failed: ADDRESS: reason".
struct ConnectFailed : std::runtime_error {
  ConnectFailed(std::string_view address, std::string_view reason);
};

// A non-blocking socket and the state of its connection: error 0 (connected), EINPROGRESS (writable once it is decided,
// then call connect_result) or the reason of the failure. EAGAIN: a UNIX listener's queue is full, try again later.
struct ConnectAttempt {
  UniqueFd socket;
  int error = 0;
};
// With `source`, from that address of this host; the kernel chooses its port.
[[nodiscard]] ConnectAttempt begin_connect(const Address& target,
                                           const std::optional<Address>& source = std::nullopt) noexcept;

// 0 if the connection of a writable socket is established, else the errno.
[[nodiscard]] int connect_result(int socket) noexcept;

// A non-blocking connected socket to the first target of `address` that answers, within `timeout` altogether (not
// counting the resolver's time for a name). Throws ConnectFailed, with the last target's reason, and
// std::invalid_argument for a malformed address.
[[nodiscard]] UniqueFd connect_within(std::string_view address, Duration timeout);

// The target of `address` for many connections: the first that answers if there are several. Throws as connect_within()
// does.
[[nodiscard]] Address choose_address(std::string_view address, Duration timeout);

}  // namespace preforkd::client
