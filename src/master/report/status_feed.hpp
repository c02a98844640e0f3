// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "master/base/event_loop.hpp"
#include "master/report/notifier.hpp"

namespace preforkd {

// Keeps the STATUS= text that systemd shows up to date without waking an idle machine. An event refreshes it at once,
// but at most once in `min_interval`. Connections open and close without an event for the master. So it is refreshed
// again later, after twice the time as long as nothing changes: the text is never out of date for longer than it was
// right before, at most `max_interval`, or `max_urgent_interval` while workers drain. Without $NOTIFY_SOCKET there is
// nothing to do and no timer.
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

  // The time until the next refresh after an interval of `before`.
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
