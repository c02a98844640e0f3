// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace prefork::internal {

// Reports the state of this process to the service manager, preforkd or systemd: the sd_notify(3) protocol, one
// datagram per call.
//
// Calls return 0 or the errno of sendto(2). A failure does no harm and needs no handling: the next WATCHDOG=1 or
// STATUS= makes up for the loss. Only ready() may block. Without a service manager every call does nothing and returns
// 0.
class ServiceNotify {
 public:
  ServiceNotify() noexcept = default;

  // `socket_name`: the value of NOTIFY_SOCKET, a path or '@' and an abstract name; empty: there is no service manager.
  // The failure names a value that is neither (a newer systemd's vsock), or the system call that failed.
  [[nodiscard]] static preforkd::Result<ServiceNotify> open(std::string_view socket_name);

  [[nodiscard]] bool connected() const noexcept { return socket_.valid(); }

  // READY=1 and STATUS=. Without READY=1 this process would be killed, so this one waits for a place in the queue, up
  // to one second.
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
