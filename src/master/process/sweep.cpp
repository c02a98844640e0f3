// SPDX-License-Identifier: MIT
#include "master/process/sweep.hpp"

#include <signal.h>

#include <utility>

#include "base/time_span.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/process/service_group.hpp"

namespace preforkd {

Sweep::Sweep(EventLoop& loop, std::optional<std::string> group, std::function<void()> on_done)
    : loop_(loop),
      group_(std::move(group)),
      on_done_(std::move(on_done)),
      deadline_(loop.add_timer(Priority::normal, std::chrono::milliseconds(1), [this] {
        log::warning("SIGKILL to the processes left in the control group: " + remains_->text());
        remains_->signal(SIGKILL);
      })) {}

void Sweep::end_elders(int stop_signal, Duration drain_timeout) {
  if (!group_) return;
  begin([group = *group_] { return elders_in_group(group); },
        "an earlier master has left processes behind: ", stop_signal, drain_timeout);
}

void Sweep::end_all(int stop_signal, Duration drain_timeout) {
  if (!group_) return;
  begin([group = *group_] { return others_in_group(group); }, "workers have left processes behind: ", stop_signal,
        drain_timeout);
}

void Sweep::kill() noexcept {
  kills_ = true;
  if (remains_) remains_->signal(SIGKILL);
}

void Sweep::begin(Remains::Find find, const std::string& whose, int stop_signal, Duration drain_timeout) {
  remains_ = std::make_unique<Remains>(loop_, std::move(find), [this] { on_gone(); });
  if (remains_->empty()) return remains_.reset();
  log::warning(whose + remains_->text() +
                   (kills_ ? "; they are killed"
                           : "; they get the stop signal, and SIGKILL in " + format_time_span(drain_timeout)),
               {message_id::field(message_id::group_swept)});
  remains_->signal(kills_ ? SIGKILL : stop_signal);
  ends_ = SteadyClock().now() + drain_timeout;
  deadline_.arm(*ends_);
}

void Sweep::on_gone() {
  remains_.reset();
  deadline_.disarm();
  log::info("the processes that were left behind are gone");
  on_done_();
}

}  // namespace preforkd
