// SPDX-License-Identifier: MIT
#include "master/report/status_feed.hpp"

#include <algorithm>
#include <utility>

namespace preforkd {

StatusFeed::StatusFeed(EventLoop& loop, Notifier& notifier, std::function<Text()> text)
    : notifier_(notifier), text_(std::move(text)) {
  if (notifier_.connected()) timer_ = loop.add_timer(Priority::normal, min_interval / 4, [this] { refresh(); });
}

void StatusFeed::on_event() {
  if (!timer_) return;
  interval_ = min_interval;
  if (SteadyClock().now() >= last_ + min_interval) {
    refresh();
  } else {
    timer_.arm(last_ + min_interval);
  }
}

Duration StatusFeed::next_interval(Duration before, bool changed, bool urgent) noexcept {
  return changed ? min_interval : std::min(2 * before, urgent ? max_urgent_interval : max_interval);
}

void StatusFeed::refresh() {
  const Text now = text_();
  interval_ = next_interval(interval_, notifier_.status(now.text), now.urgent);
  last_ = SteadyClock().now();
  timer_.arm(last_ + interval_);
}

}  // namespace preforkd
