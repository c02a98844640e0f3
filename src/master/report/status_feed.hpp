// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "master/base/event_loop.hpp"
#include "master/report/notifier.hpp"

namespace preforkd {

// Keeps the STATUS= text that systemd shows fresh without waking an idle machine. An event refreshes it at once, but at
// most once in `min_interval`. Connections come and go without an event for the master, so it is looked at again later,
// each time after twice the time as long as nothing changes: the text is never wrong for longer than it was right
// before, up to `longest`, and up to `max_urgent_interval` while somebody may be waiting for the last of them to go.
// Without $NOTIFY_SOCKET there is nothing to do and no timer.
class StatusFeed {
 public:
  static constexpr Duration min_interval = std::chrono::seconds(1);
  static constexpr Duration max_interval = std::chrono::minutes(10);
  static constexpr Duration max_urgent_interval = std::chrono::seconds(10);

  struct Text {
    std::string text;
    bool urgent = false;  // workers drain
  };
  StatusFeed(EventLoop& loop, Notifier& notifier, std::function<Text()> text);

  // Something happened that may have changed the text.
  void on_event();

  // How long a text stands unlooked at that stood for `before`.
  [[nodiscard]] static Duration next_interval(Duration before, bool changed, bool urgent) noexcept;

 private:
  void refresh();

  Notifier& notifier_;
  std::function<Text()> text_;
  EventSource timer_;
  Instant last_{};
  Duration interval_ = min_interval;
};

}  // namespace preforkd
