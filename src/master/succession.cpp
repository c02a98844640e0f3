// SPDX-License-Identifier: MIT
#include "master/succession.hpp"

#include <set>
#include <utility>

#include "base/counted.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
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

Succession::Succession(EventLoop& loop, Notifier& notifier, Pool& pool, ProcessLauncher& launcher,
                       ListenSockets& sockets, const RuntimeDirectory& directory, MasterStart& start,
                       std::function<void()> on_news)
    : loop_(loop),
      notifier_(notifier),
      pool_(pool),
      launcher_(launcher),
      sockets_(sockets),
      directory_(directory),
      on_news_(std::move(on_news)),
      record_(describe_master(start.setup, start.predecessor ? &*start.predecessor : nullptr)),
      image_([this](WorkerId id) {
        const WorkerProcess* const process = launcher_.find(id);
        return process == nullptr ? "" : encode(process->parts());
      }),
      worker_store_(notifier, sockets.has_socket_unit()) {
  image_.put(RecordType::config_of_units, 0, encode(save_config(*start.config_of_units)));
  if (start.predecessor) adopt(*start.predecessor);
  take_over_store(start.stored);
}

void Succession::adopt(Predecessor& predecessor) {
  origin_ = predecessor.same_process ? Origin::this_process : Origin::dead_master;
  sockets_.make_nonblocking_again(predecessor.nonblocking);
  proof_timer_ = loop_.add_timer(Priority::normal, proof_time / 2, [this] {
    record_.unproven = 0;
    on_news_();
  });
  proof_timer_.arm(SteadyClock().now() + proof_time);
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
}

// After adopt().
void Succession::take_over_store(const std::vector<std::string>& names) {
  std::set<DescriptorName> used;
  if (origin_ == Origin::none) return worker_store_.found(names, used);
  used.insert({Kind::image, record_.number - 1});
  for (const WorkerView& worker : pool_.workers()) {
    if (launcher_.find(worker.id) != nullptr) used.insert(DescriptorName::of(worker.id));
  }
  for (const auto& [generation, config] : pool_.scheduler().generations()) {
    if (config->program_file) used.insert({Kind::program, generation});
  }
  worker_store_.found(names, used);
}

void Succession::begin() {
  if (origin_ == Origin::none) {
    pool_.step(event::Start{});
    return;
  }
  if (origin_ == Origin::this_process) {
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

void Succession::note(const Totals& totals) { image_.put(RecordType::totals, 0, encode(totals)); }

void Succession::keep() {
  if (worker_store_.active()) write();
}

int Succession::write() {
  if (image_failed_) return image_.fd();
  record_.runtime_directory = directory_.path();
  image_.put(RecordType::master, 0, encode(record_));
  image_.put(RecordType::nonblocking, 0, encode(sockets_.nonblocking()));
  const ImageWriter::Written written = image_.write(pool_);
  if (!written.ok) {
    image_failed_ = true;
    worker_store_.clear();
    log::error("the image of the pool cannot be written: if preforkd dies or is restarted, its workers end, too");
    return image_.fd();
  }
  worker_store_.keep_image(record_.number, image_.fd());
  worker_store_.keep_programs(image_.programs());
  for (const WorkerId id : written.started) keep_descriptors(id);
  for (const WorkerId id : written.gone) worker_store_.drop(id);
  for (const WorkerId id : launcher_.take_renewed()) {
    worker_store_.drop(id);
    keep_descriptors(id);
  }
  return image_.fd();
}

void Succession::keep_descriptors(WorkerId id) {
  if (const WorkerProcess* const process = launcher_.find(id))
    worker_store_.keep(id, open_ones(process->descriptors()));
}

bool Succession::store_cleared() {
  constexpr Duration patience = std::chrono::seconds(1);
  if (!std::exchange(clears_store_, true)) {
    worker_store_.clear();
    clear_timer_ = loop_.add_timer(Priority::normal, patience / 10, [this] { waited_for_store_ = true; });
    clear_timer_.arm(SteadyClock().now() + patience);
  }
  return !worker_store_.active() || waited_for_store_ || notifier_.all_sent();
}

std::map<int, std::string> Succession::write_for_execve() {
  write();
  std::map<int, std::string> left_open = descriptors();
  image_.put(RecordType::descriptors, 0, encode(left_open));
  image_.put(RecordType::stored, 0, encode(worker_store_.names()));
  write();
  return left_open;
}

std::map<int, std::string> Succession::descriptors() const {
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
