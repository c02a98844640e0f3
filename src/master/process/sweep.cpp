// SPDX-License-Identifier: MIT
#include "master/process/sweep.hpp"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/time_span.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/process/service_group.hpp"
#include "master/process/worker_groups.hpp"

namespace preforkd {

Sweep::Sweep(EventLoop& loop, const std::optional<std::string>& service, const Orphans& orphans,
             std::function<void()> on_done)
    : loop_(loop),
      orphans_(orphans),
      on_done_(std::move(on_done)),
      deadline_(loop.add_timer(Priority::normal, std::chrono::milliseconds(1), [this] {
        log::warning("SIGKILL to the processes that were left behind: " + remains_->text());
        remains_->signal(SIGKILL);
      })) {
  if (service) service_.emplace(*service);
}

void Sweep::end_elders(int stop_signal, Duration drain_timeout, const std::vector<WorkerParts>& adopted) {
  if (!service_) return;
  std::vector<GroupFolder> groups = worker_groups_in(*service_);
  std::erase_if(groups, [&adopted](const GroupFolder& group) {
    return std::any_of(adopted.begin(), adopted.end(),
                       [name = group.name()](const WorkerParts& each) { return each.group == name; });
  });
  begin([service = *service_, groups, adopted] { return elders_in_service(service, groups, adopted); }, groups,
        "an earlier master has left processes behind: ", stop_signal, drain_timeout);
}

void Sweep::end_all(int stop_signal, Duration drain_timeout) {
  const std::string whose = "workers have left processes behind: ";
  if (!service_) return begin([this] { return living(orphans_.all()); }, {}, whose, stop_signal, drain_timeout);
  begin([this] { return others_in_service(*service_); }, worker_groups_in(*service_), whose, stop_signal,
        drain_timeout);
}

void Sweep::kill() noexcept {
  kills_ = true;
  if (remains_) remains_->signal(SIGKILL);
}

void Sweep::begin(Remains::Find find, std::vector<GroupFolder> groups, const std::string& whose, int stop_signal,
                  Duration drain_timeout) {
  groups_ = std::move(groups);
  remains_ = std::make_unique<Remains>(
      loop_, std::move(find), [this] { on_gone(); },
      [this] {
        for (const GroupFolder& group : groups_) group.kill();
      });
  if (remains_->empty()) return end();
  log::warning(whose + remains_->text() +
                   (kills_ ? "; they are killed"
                           : "; they get the stop signal, and SIGKILL in " + format_time_span(drain_timeout)),
               {message_id::field(message_id::group_swept)});
  remains_->signal(kills_ ? SIGKILL : stop_signal);
  ends_ = SteadyClock().now() + drain_timeout;
  deadline_.arm(*ends_);
}

void Sweep::end() {
  remains_.reset();
  for (const GroupFolder& group : groups_) static_cast<void>(group.remove());
}

void Sweep::on_gone() {
  end();
  deadline_.disarm();
  log::info("the processes that were left behind are gone");
  on_done_();
}

}  // namespace preforkd
