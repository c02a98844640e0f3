// SPDX-License-Identifier: MIT
// How a master continues where an earlier one was, and what it leaves to a next one.
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/counted.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/master.hpp"
#include "master/succession/pool_fields.hpp"

namespace preforkd {
namespace {

using Kind = DescriptorName::Kind;

std::vector<int> open_ones(const WorkerProcess::Descriptors& descriptors) {
  std::vector<int> open{descriptors.control, descriptors.notify, descriptors.stats};
  std::erase(open, -1);
  return open;
}

}  // namespace

void Master::adopt(Predecessor& predecessor) {
  continues_ = true;
  sockets_.make_nonblocking_again(predecessor.nonblocking);
  upgraded_in_place_ = predecessor.same_process;
  replaces_adopted_ = predecessor.master.restarts;
  proof_timer_ = loop_.add_timer(Priority::normal, proof_time / 2, [this] {
    record_.unproven = 0;
    news_ = true;
  });
  proof_timer_.arm(clock_.now() + proof_time);
  totals_ = std::move(predecessor.totals);
  for (auto& [id, worker] : predecessor.workers) {
    const Worker& known = *pool_.scheduler().roster().find(id);
    const Launch launch{id, known.slot, known.generation};
    Result<void> adopted = Failure("its descriptors are gone");
    if (worker.descriptors) adopted = launcher_.adopt(launch, worker.parts, std::move(*worker.descriptors));
    if (adopted) {
      ++adopted_;
      continue;
    }
    lost_.push_back({.id = id, .pid = worker.parts.pid, .status = {}, .used = {}});
    log::warning("worker " + std::to_string(known.slot) + " (pid " + std::to_string(worker.parts.pid) +
                 ") cannot be adopted: " + adopted.error().text);
  }
  any_executed_ = adopted_ > 0;
}

// After adopt().
void Master::take_over_store(const std::vector<std::string>& names) {
  std::set<DescriptorName> used;
  if (!continues_) return worker_store_.found(names, used);
  used.insert({Kind::image, record_.number - 1});
  for (const WorkerView& worker : pool_.workers()) {
    if (launcher_.find(worker.id) != nullptr) used.insert(DescriptorName::of(worker.id));
  }
  for (const auto& [generation, config] : pool_.scheduler().generations()) {
    if (config->program_file) used.insert({Kind::program, generation});
  }
  worker_store_.found(names, used);
}

bool Master::may_be_restarted() const noexcept {
  return worker_store_.active() && !image_failed_ && started_ && !asks_if_restarted_ && !leaves_workers_;
}

void Master::ask_whether_restarted(const std::string& why) {
  asks_if_restarted_ = true;
  told_to_stop_at_ = clock_.now();
  control_plane_.ask_for_unit_jobs([this, why](const UnitJobs& jobs) {
    news_ = true;
    if (pool_.state() == PoolState::stopping) return;
    if (next_can_adopt(jobs)) {
      leave_workers();
    } else {
      drain(why);
    }
  });
}

// Not if it will be another user, or if the units of the pool change: what workers inherited of these would be old.
bool Master::next_can_adopt(const UnitJobs& jobs) const {
  const bool same_user =
      jobs.user == user_ || (jobs.user.empty() && geteuid() == 0) || jobs.user == std::to_string(geteuid());
  if (!jobs.restarts_service || jobs.of_sockets || !same_user || !unapplied().empty()) return false;
  const auto plan = reloader_.plan();
  return !plan || std::none_of(plan->changes.begin(), plan->changes.end(), [](const ConfigChange& change) {
    return change.needs == ChangeNeeds::socket || change.needs == ChangeNeeds::unit;
  });
}

void Master::leave_workers() {
  log::info("restart: the workers continue, and the next preforkd replaces them",
            {message_id::field(message_id::pool_stopping)});
  leaves_workers_ = true;
  record_.restarts = true;
  notifier_.stopping(status());
}

void Master::begin_pool() {
  if (!continues_) {
    pool_.step(event::Start{});
    return;
  }
  if (upgraded_in_place_) {
    log::info("upgrade done: preforkd " PREFORKD_VERSION " continues with " + counted(adopted_, "worker"),
              {message_id::field(message_id::master_upgraded)});
  } else {
    log::info("adopted " + counted(adopted_, "worker") + " of an earlier master",
              {message_id::field(message_id::workers_adopted)});
  }
  pool_.step(event::Tick{});
  for (const event::WorkerExited& lost : lost_) pool_.step(lost);
  for (const WorkerView& worker : pool_.workers()) {
    const WorkerProcess* const process = launcher_.find(worker.id);
    if (worker.state == WorkerState::starting && process != nullptr && process->says_ready())
      pool_.step(event::WorkerReady{worker.id});
  }
  pool_.step(event::Start{});
}

void Master::write_image() {
  if (image_failed_ || (!worker_store_.active() && !upgrade_done_)) return;
  MasterRecord record = record_;
  record.runtime_directory = directory_.path();
  image_.put(RecordType::master, 0, encode(record));
  image_.put(RecordType::nonblocking, 0, encode(sockets_.nonblocking()));
  const ImageWriter::Written written = image_.write(pool_);
  if (!written.ok) {
    image_failed_ = true;
    worker_store_.clear();
    log::error("the image of the pool cannot be written: if preforkd dies or is restarted, its workers end, too");
    return;
  }
  worker_store_.keep_image(record_.number, image_.fd());
  worker_store_.keep_programs(image_.programs());
  for (const WorkerId id : written.started) {
    if (const WorkerProcess* const process = launcher_.find(id))
      worker_store_.keep(id, open_ones(process->descriptors()));
  }
  for (const WorkerId id : written.gone) worker_store_.drop(id);
  for (const WorkerId id : launcher_.take_renewed()) {
    worker_store_.drop(id);
    if (const WorkerProcess* const process = launcher_.find(id))
      worker_store_.keep(id, open_ones(process->descriptors()));
  }
}

std::string Master::why_no_upgrade() const {
  if (pool_.state() == PoolState::stopping || asks_if_restarted_ || leaves_workers_)
    return std::string(pool_is_stopping);
  if (reloader_.busy()) return "a reload is going on; try again when it has ended";
  return image_failed_ ? "the image of the pool cannot be written" : "";
}

void Master::upgrade(const std::string& who, UpgradeCallback done) {
  log::info("upgrade in place, requested by " + who);
  std::string reason = why_no_upgrade();
  if (reason.empty() && upgrade_done_) reason = "another upgrade is going on";
  if (!reason.empty()) {
    log::warning("upgrade refused: " + reason, {message_id::field(message_id::upgrade_refused)});
    if (done) done(Failure(reason));
    return;
  }
  upgrade_done_ = done ? std::move(done) : [](const Result<std::string>&) {};
  write_image();
  upgrade_.try_successor(image_.fd(), [this](const Result<std::string>& version) { on_successor_tried(version); });
}

void Master::on_successor_tried(const Result<std::string>& version) {
  news_ = true;
  Result<std::string> result = version;
  if (const std::string reason = why_no_upgrade(); result && !reason.empty()) result = Failure(reason);
  const UpgradeCallback done = std::exchange(upgrade_done_, nullptr);
  if (result) {
    upgrades_to_ = *result;
    upgrade_done_ = [](const Result<std::string>&) {};  // until it is executed
  } else {
    log::error("upgrade refused: " + result.error().text, {message_id::field(message_id::upgrade_refused)});
  }
  done(result);
}

// At the end of a turn, when the caller has its answer. Sending that may handle other calls of the bus, so it comes
// before all else.
void Master::execute_successor() {
  control_plane_.flush();
  if (!notifier_.all_sent()) return;
  log::info("executing " + *upgrades_to_ + " in place");
  upgrades_to_.reset();
  const std::map<int, std::string> descriptors = descriptors_for_successor();
  image_.put(RecordType::descriptors, 0, encode(descriptors));
  image_.put(RecordType::stored, 0, encode(worker_store_.names()));
  write_image();
  upgrade_done_ = nullptr;
  const std::string reason = why_no_upgrade();
  const Error error = reason.empty() ? upgrade_.execute(image_.fd(), descriptors) : Error(reason);
  log::error("the upgrade has failed, and this preforkd continues: " + error.text,
             {message_id::field(message_id::upgrade_refused)});
}

std::map<int, std::string> Master::descriptors_for_successor() const {
  std::map<int, std::string> names = sockets_.names();
  names[image_.fd()] = DescriptorName{Kind::image, record_.number}.text();
  names[directory_.lock()] = DescriptorName{Kind::runtime_directory, record_.number}.text();
  for (const auto& [generation, fd] : image_.programs()) names[fd] = DescriptorName{Kind::program, generation}.text();
  for (const WorkerView& worker : pool_.workers()) {
    const WorkerProcess* const process = launcher_.find(worker.id);
    if (process == nullptr) continue;
    for (const int fd : open_ones(process->descriptors())) names[fd] = DescriptorName::of(worker.id).text();
  }
  return names;
}

}  // namespace preforkd
