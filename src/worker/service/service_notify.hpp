// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace prefork::internal {

// Tells the service manager, preforkd or systemd, how this process is: the sd_notify(3) protocol, one datagram a call.
//
// Calls return 0 or the errno of sendto(2). A failure harms nobody and needs no answer: what is lost is told again by
// the next WATCHDOG=1 or STATUS=. Nothing blocks, but for ready(). Without a service manager every call does nothing
// and returns 0.
class ServiceNotify {
 public:
  ServiceNotify() noexcept = default;

  // `socket_name`: the value of NOTIFY_SOCKET, a path or '@' and an abstract name; empty: there is no service manager.
  // The failure names a value that is neither (a newer systemd's vsock) or the system call that failed.
  [[nodiscard]] static preforkd::Result<ServiceNotify> open(std::string_view socket_name);

  [[nodiscard]] bool connected() const noexcept { return socket_.valid(); }

  // READY=1 and STATUS=. A lost READY=1 would cost this process its life, so this one waits for a place in the queue,
  // up to one second.
  int ready(std::string_view status) noexcept;
  int status(std::string_view text) noexcept;      // STATUS=, escaped to one line and cut at 256 bytes
  int alive() noexcept;                            // WATCHDOG=1
  int stopping(std::string_view status) noexcept;  // STOPPING=1 and STATUS=

 private:
  [[nodiscard]] int send(std::string_view datagram, int flags) noexcept;
  [[nodiscard]] int send_with_status(std::string_view state, std::string_view status, int flags) noexcept;

  preforkd::UniqueFd socket_;
  preforkd::Address address_;
};

}  // namespace prefork::internal
