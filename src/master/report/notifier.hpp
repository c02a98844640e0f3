// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"

namespace preforkd {

// Our own messages to systemd (sd_notify(3)), over one socket from the start to the end: no shortage of descriptors
// keeps one back, and systemd's being busy never blocks the master. What can't be sent now is kept, the newest of each
// kind, and goes out in one message when the socket has room again. Without $NOTIFY_SOCKET every call does nothing.
class Notifier {
 public:
  // Looks at $NOTIFY_SOCKET once. Borrows the loop.
  explicit Notifier(EventLoop& loop);

  [[nodiscard]] bool connected() const noexcept { return socket_.valid(); }

  // Sends WATCHDOG=1 as long as the loop turns, if $WATCHDOG_USEC asks this process for it.
  void serve_watchdog();

  // Neither this nor reloading() says anything after stopping().
  void ready(const std::string& status);
  // Sends a status that differs from the last one. True if it did.
  bool status(const std::string& status);
  // A reload begins; ready() ends it. With MONOTONIC_USEC=, as Type=notify-reload asks for.
  void reloading();
  // What runs now may take so much longer, from now on, than the unit's timeout allows.
  void extend_timeout(Duration by);
  void stopping(const std::string& status);

  // Has systemd keep a descriptor under this name for the next master (FDSTORE=1), even if it hangs up. `fd` is
  // borrowed. What was kept and is asked for twice is kept once.
  void store(const std::string& name, int fd);
  // Has it close what it keeps under this name.
  void remove_stored(const std::string& name);

 private:
  // Of the store. Each goes out as a message of its own, in order, before anything else.
  struct StoreMessage {
    std::string text;
    UniqueFd fd;  // none: a removal
  };
  void say(std::string state);
  void set_status(const std::string& status);
  void ping();
  void flush();
  [[nodiscard]] std::string unsent() const;
  // errno, or 0.
  [[nodiscard]] int flush_store();
  [[nodiscard]] int send(std::string_view message, int fd = -1) const noexcept;
  [[nodiscard]] int try_send(std::string_view message, int fd = -1) const noexcept;
  [[nodiscard]] bool connect() const noexcept;

  std::string path_;
  UniqueFd socket_;
  EventSource writable_;
  EventSource watchdog_;
  Duration ping_interval_{0};
  bool stopping_ = false;
  std::string status_;

  // Not sent yet.
  std::deque<StoreMessage> store_;
  std::string state_;  // READY=1, RELOADING=1 or STOPPING=1
  bool new_status_ = false;
  std::optional<Instant> extended_until_;
  bool alive_ = false;
};

}  // namespace preforkd
