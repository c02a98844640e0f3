// SPDX-License-Identifier: MIT
#include "master/status_feed.hpp"

#include <algorithm>
#include <utility>

namespace preforkd {

StatusFeed::StatusFeed(EventLoop& loop, Notifier& notifier, std::function<std::string()> text)
    : notifier_(notifier), text_(std::move(text)) {
  if (notifier_.connected()) timer_ = loop.add_timer(Priority::deadline, shortest / 4, [this] { refresh(); });
}

void StatusFeed::on_event() {
  if (!timer_) return;
  interval_ = shortest;
  if (SteadyClock().now() >= last_ + shortest) {
    refresh();
  } else {
    timer_.arm(last_ + shortest);
  }
}

void StatusFeed::refresh() {
  const bool changed = notifier_.status(text_());
  last_ = SteadyClock().now();
  interval_ = changed ? shortest : std::min(2 * interval_, longest);
  timer_.arm(last_ + interval_);
}

}  // namespace preforkd
