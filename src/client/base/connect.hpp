// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/errors.hpp"
#include "base/time_span.hpp"
#include "base/unique_fd.hpp"

namespace preforkd::client {

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
// counting the resolver's time for a name). A failure reads "connect failed: ADDRESS: reason", with the last target's
// reason. Throws ExitError (64) for a malformed address.
[[nodiscard]] Result<UniqueFd> connect_within(std::string_view address, Duration timeout);

// The target of `address` for many connections: the first that answers if there are several. Fails and
// throws as connect_within().
[[nodiscard]] Result<Address> choose_address(std::string_view address, Duration timeout);

}  // namespace preforkd::client
