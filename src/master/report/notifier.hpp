// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"

namespace preforkd {

// The master's messages to systemd (sd_notify(3)), over one socket from start to end: a shortage of descriptors holds
// up none, and a busy systemd never blocks the master. What cannot be sent now is kept, the newest of each kind, and
// sent in one message when the socket has room again. Without $NOTIFY_SOCKET every call does nothing.
class Notifier {
 public:
  // Reads $NOTIFY_SOCKET once. Borrows the loop.
  explicit Notifier(EventLoop& loop);

  [[nodiscard]] bool connected() const noexcept { return socket_.valid(); }
  // Nothing is kept to be sent, or there is no receiver.
  [[nodiscard]] bool all_sent() const { return !connected() || unreachable_ || (store_.empty() && unsent().empty()); }

  // Sends WATCHDOG=1 as long as the loop runs, if $WATCHDOG_USEC asks this process for it.
  void serve_watchdog();

  // Neither this nor reloading() sends anything after stopping().
  void ready(const std::string& status);
  // Sends a status that differs from the last one. True if it did.
  bool status(const std::string& status);
  // A reload begins; ready() ends it. With MONOTONIC_USEC=, which Type=notify-reload requires.
  void reloading();
  // The start, reload or stop in progress may take `by` from now on, even if that exceeds the unit's timeout.
  void extend_timeout(Duration by);
  void stopping(const std::string& status);

  // Has systemd keep descriptors under this name for the next master (FDSTORE=1), even if they hang up. Borrows them.
  // One that is stored twice is kept once.
  // False if it cannot: there are no descriptors left for the message.
  bool store(const std::string& name, const std::vector<int>& descriptors);
  // Has systemd close what it keeps under this name.
  void remove_stored(const std::string& name);

 private:
  // Of the store. Each is sent as a message of its own, in order, before anything else.
  struct StoreMessage {
    std::string text;
    std::vector<UniqueFd> descriptors;  // empty: a removal
  };
  void say(std::string state);
  void set_status(const std::string& status);
  void ping();
  void flush();
  [[nodiscard]] std::string unsent() const;
  // Returns an errno, or 0.
  [[nodiscard]] int flush_store();
  [[nodiscard]] int send(std::string_view message, const std::vector<UniqueFd>& descriptors = {}) const noexcept;
  [[nodiscard]] int try_send(std::string_view message, const std::vector<UniqueFd>& descriptors) const noexcept;
  [[nodiscard]] bool connect() const noexcept;

  std::string path_;
  UniqueFd socket_;
  EventSource writable_;
  EventSource watchdog_;
  Duration ping_interval_{0};
  bool unreachable_ = false;  // by the last message
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
