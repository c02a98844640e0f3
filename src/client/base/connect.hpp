// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "client/base/descriptor.hpp"
#include "client/base/endpoint.hpp"

namespace preforkd::client {

// No connection could be had; what() is "connect failed: ADDRESS: reason".
struct ConnectFailed : std::runtime_error {
  ConnectFailed(std::string_view address, std::string_view reason);
};

// A non-blocking socket and how far its connection is: error 0 (connected), EINPROGRESS (writable once it is decided,
// then see connect_result) or the reason of the failure. EAGAIN: a UNIX listener's queue is full, try again later.
struct ConnectAttempt {
  Descriptor socket;
  int error = 0;
};
// With `source`, from that address of this host; its port is left to the kernel.
[[nodiscard]] ConnectAttempt begin_connect(const Endpoint& endpoint,
                                           const std::optional<Endpoint>& source = std::nullopt) noexcept;

// 0 if the connection of a writable socket stands, else the errno.
[[nodiscard]] int connect_result(int socket) noexcept;

// A non-blocking connected socket to the first endpoint of `address` that answers, within `timeout` altogether (the
// resolver's time for a name comes on top). Throws ConnectFailed, with the last endpoint's reason, and
// std::invalid_argument for a malformed address.
[[nodiscard]] Descriptor connect_within(std::string_view address, std::chrono::nanoseconds timeout);

// The endpoint of `address` to take for many connections: the first that answers where there are several. Throws as
// connect_within(), and ResolveFailed.
[[nodiscard]] Endpoint choose_endpoint(std::string_view address, std::chrono::nanoseconds timeout);

}  // namespace preforkd::client
