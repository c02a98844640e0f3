// SPDX-License-Identifier: MIT
#include "master/bus/pool_object.hpp"

#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "dbus/words.hpp"
#include "master/report/pool_log.hpp"

namespace preforkd {
namespace {

const char* error_of(ReloadEnd end) noexcept {
  switch (end) {
    case ReloadEnd::config:
      return dbus::error::config_invalid;
    case ReloadEnd::sockets:
      return dbus::error::listen_failed;
    case ReloadEnd::superseded:
      return dbus::error::superseded;
    case ReloadEnd::stopping:
      return dbus::error::stopping;
    default:
      return dbus::error::reload_failed;
  }
}

const char* word(const ConfigChange& change) noexcept {
  switch (change.needs) {
    case ChangeNeeds::nothing:
      return dbus::needs::master;
    case ChangeNeeds::resize:
      return dbus::needs::resize;
    case ChangeNeeds::socket:
      return dbus::needs::sockets;
    case ChangeNeeds::unit:
      return change.apply.empty() ? dbus::needs::restart : dbus::needs::apply;
    case ChangeNeeds::generation:
      break;
  }
  return dbus::needs::generation;
}

std::uint64_t microseconds(Duration time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

sdbus::Error stopping() { return bus_error(dbus::error::stopping, pool_is_stopping); }

}  // namespace

sdbus::Error reload_error(const ReloadResult& result) {
  if (result.end != ReloadEnd::config) return bus_error(error_of(result.end), describe(result));
  std::string text;
  for (const std::string& reason : result.reasons) text += (text.empty() ? "" : "\n") + reason;
  return bus_error(dbus::error::config_invalid, text);
}

PoolObject::PoolObject(sdbus::IConnection& connection, const BusContext& context)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(dbus::pool_path)), context_(context), shown_(shown()) {
  registerAdaptor();
}

PoolObject::~PoolObject() { unregisterAdaptor(); }

void PoolObject::Reload(sdbus::Result<>&& result) {
  guarded([&] {
    const BusReply<> reply(context_.replies, std::move(result));
    context_.authorization.when_allowed({caller_of(getObject()), BusAction::reload, {}}, reply,
                                        [this](const std::string& who, const BusReply<>& to) {
                                          context_.control.reload(who, [to](const ReloadResult& ended) {
                                            if (ended.ok()) return to.results();
                                            to.error(reload_error(ended));
                                          });
                                        });
  });
}

void PoolObject::Plan(sdbus::Result<std::vector<Change>>&& result) {
  guarded([&] {
    using Reply = BusReply<std::vector<Change>>;
    context_.authorization.when_allowed(
        {caller_of(getObject()), BusAction::reload, {}}, Reply(context_.replies, std::move(result)),
        [this](const std::string&, const Reply& to) {
          const auto plan = context_.control.plan();
          if (!plan) return to.error(reload_error(plan.error()));
          std::vector<Change> changes;
          for (const ConfigChange& change : plan->changes) {
            changes.emplace_back(bus_text(change.key), bus_text(change.shown ? change.before.value_or("") : ""),
                                 bus_text(change.shown ? change.after.value_or("") : ""), word(change));
          }
          to.results(changes);
        });
  });
}

void PoolObject::Scale(sdbus::Result<>&& result, std::uint32_t workers) {
  guarded([&] {
    context_.authorization.when_allowed(
        {caller_of(getObject()), BusAction::manage, {}}, BusReply<>(context_.replies, std::move(result)),
        [this, workers](const std::string& who, const BusReply<>& to) {
          if (context_.control.resize(workers, who)) return to.results();
          if (context_.control.pool().state() == PoolState::stopping) return to.error(stopping());
          to.error(bus_error(dbus::error::out_of_range,
                             std::to_string(workers) + " workers: the pool has from " + std::to_string(MinWorkers()) +
                                 " to " + std::to_string(MaxWorkers()) + " (\"workers\" in its config)"));
        });
  });
}

void PoolObject::ScaleByLoad(sdbus::Result<>&& result) {
  guarded([&] {
    context_.authorization.when_allowed(
        {caller_of(getObject()), BusAction::manage, {}}, BusReply<>(context_.replies, std::move(result)),
        [this](const std::string& who, const BusReply<>& to) {
          if (context_.control.unpin(who)) return to.results();
          if (context_.control.pool().state() == PoolState::stopping) return to.error(stopping());
          to.error(bus_error(dbus::error::out_of_range,
                             "the load does not decide about the number of workers: there is no \"scale\" in "
                             "\"workers\" of its config"));
        });
  });
}

void PoolObject::RecycleAll(sdbus::Result<>&& result) {
  guarded([&] {
    context_.authorization.when_allowed({caller_of(getObject()), BusAction::manage, {}},
                                        BusReply<>(context_.replies, std::move(result)),
                                        [this](const std::string& who, const BusReply<>& to) {
                                          if (context_.control.recycle_all(who)) return to.results();
                                          to.error(stopping());
                                        });
  });
}

void PoolObject::Rebalance(sdbus::Result<>&& result) {
  guarded([&] {
    context_.authorization.when_allowed({caller_of(getObject()), BusAction::manage, {}},
                                        BusReply<>(context_.replies, std::move(result)),
                                        [this](const std::string& who, const BusReply<>& to) {
                                          if (context_.control.rebalance(who)) return to.results();
                                          to.error(stopping());
                                        });
  });
}

void PoolObject::SetDrained(sdbus::Result<>&& result, bool drained) {
  guarded([&] {
    context_.authorization.when_allowed({caller_of(getObject()), BusAction::manage, {}},
                                        BusReply<>(context_.replies, std::move(result)),
                                        [this, drained](const std::string& who, const BusReply<>& to) {
                                          if (context_.control.set_drained(drained, who)) return to.results();
                                          to.error(stopping());
                                        });
  });
}

void PoolObject::Upgrade(sdbus::Result<std::string>&& result) {
  guarded([&] {
    using Reply = BusReply<std::string>;
    context_.authorization.when_allowed(
        {caller_of(getObject()), BusAction::manage, {}}, Reply(context_.replies, std::move(result)),
        [this](const std::string& who, const Reply& to) {
          context_.control.upgrade(who, [to](const preforkd::Result<std::string>& version) {
            if (version) return to.results(bus_text(*version));
            to.error(bus_error(dbus::error::upgrade_refused, version.error().text));
          });
        });
  });
}

std::vector<PoolObject::Listed> PoolObject::ListWorkers() {
  return guarded([&] {
    std::vector<Listed> list;
    for (const WorkerView& worker : context_.control.pool().workers()) {
      const WorkerFacts facts = context_.control.worker_facts(worker.id);
      list.emplace_back(worker.slot, static_cast<std::uint32_t>(facts.pid), std::string(to_string(worker.state)),
                        worker.generation, facts.counters.connections,
                        sdbus::ObjectPath(dbus::worker_path(worker.slot)));
    }
    return list;
  });
}

sdbus::ObjectPath PoolObject::GetWorker(const std::uint32_t& slot) {
  return guarded([&] {
    const Pool& pool = context_.control.pool();
    if (slot >= pool.target() && !pool.shown_worker(slot))
      throw bus_error(dbus::error::no_such_worker, "slot " + std::to_string(slot) + ": does not exist");
    return sdbus::ObjectPath(dbus::worker_path(slot));
  });
}

sdbus::ObjectPath PoolObject::GetWorkerByPID(const std::uint32_t& pid) {
  return guarded([&] {
    for (const WorkerView& worker : context_.control.pool().workers()) {
      if (pid != 0 && static_cast<std::uint32_t>(context_.control.worker_facts(worker.id).pid) == pid)
        return sdbus::ObjectPath(dbus::worker_path(worker.slot));
    }
    throw bus_error(dbus::error::no_such_worker, "pid " + std::to_string(pid) + ": is not a worker of this pool");
  });
}

std::vector<PoolObject::Exit> PoolObject::ExitHistory(const std::uint32_t& limit) {
  return guarded([&] {
    std::vector<Exit> exits;
    for (const ExitRecord& exit :
         context_.control.pool().history().newest(limit == 0 ? PoolHistory::capacity : limit)) {
      const std::string cause(to_string(exit.cause));
      exits.emplace_back(context_.times.of(exit.ended_at), exit.slot, static_cast<std::uint32_t>(exit.pid),
                         exit.generation, cause, std::string(to_string(exit.status.kind)), exit.status.value,
                         exit.failed, exit_sentence(exit), microseconds(exit.used.cpu), exit.used.max_memory);
    }
    return exits;
  });
}

std::string PoolObject::Name() { return context_.control.config().name; }
std::string PoolObject::Description() {
  return guarded([&] { return bus_text(context_.control.config().description); });
}
std::string PoolObject::State() { return std::string(to_string(context_.control.pool().state())); }
std::string PoolObject::StatusText() {
  return guarded([&] { return bus_text(context_.control.status()); });
}
std::uint32_t PoolObject::Generation() { return context_.control.pool().generation(); }
std::uint32_t PoolObject::TargetWorkers() { return context_.control.pool().target(); }
std::string PoolObject::Scaling() {
  if (!context_.control.config().scale) return dbus::scaling::off;
  return context_.control.pool().scheduler().pinned() ? dbus::scaling::pinned : dbus::scaling::automatic;
}
std::uint32_t PoolObject::MinWorkers() { return context_.control.config().workers.min; }
std::uint32_t PoolObject::MaxWorkers() { return context_.control.config().workers.max; }
std::uint32_t PoolObject::ReadyWorkers() { return context_.control.pool().ready_count(); }
std::uint32_t PoolObject::DrainingWorkers() { return context_.control.pool().draining_count(); }
bool PoolObject::Drained() { return context_.control.drained(); }
bool PoolObject::Counts() { return context_.control.totals().counts; }
std::uint64_t PoolObject::Connections() { return context_.control.totals().connections; }
std::uint64_t PoolObject::ConnectionsTotal() { return context_.control.totals().connections_total; }
std::uint64_t PoolObject::ConnectionsRefused() { return context_.control.totals().connections_refused; }
std::uint64_t PoolObject::ConnectionsAdopted() { return context_.control.totals().connections_adopted; }
std::uint64_t PoolObject::ConnectionsHandedOver() {
  return context_.control.totals().connections_handed_over + context_.control.pool().history().kept().moved;
}
std::uint64_t PoolObject::ConnectionsClosedByKeepers() { return context_.control.pool().history().kept().closed; }
std::map<std::string, std::uint64_t> PoolObject::ConnectionsNotTaken() {
  return guarded([&] {
    std::map<std::string, std::uint64_t> by_reason;
    const NotTakenCounts& counts = context_.control.pool().history().not_taken();
    for (std::size_t index = 0; index < counts.size(); ++index) {
      by_reason.emplace(to_string(static_cast<NotTaken>(index)), counts[index]);
    }
    return by_reason;
  });
}
std::uint64_t PoolObject::AcceptFailures() { return context_.control.totals().accept_failures; }
std::uint64_t PoolObject::RequestsTotal() { return context_.control.totals().requests_total; }
std::uint64_t PoolObject::BytesIn() { return context_.control.totals().bytes_in; }
std::uint64_t PoolObject::BytesOut() { return context_.control.totals().bytes_out; }
std::uint64_t PoolObject::BusyUSec() { return static_cast<std::uint64_t>(context_.control.busy_time().count()); }
std::uint64_t PoolObject::WorkerMessages() { return context_.control.totals().worker_messages; }
std::uint64_t PoolObject::WorkerMessagesDropped() { return context_.control.totals().worker_messages_dropped; }
std::map<std::string, std::uint64_t> PoolObject::Closes() {
  return guarded([&] { return context_.control.named_totals().closes; });
}
std::map<std::string, std::uint64_t> PoolObject::ApplicationCounters() {
  return guarded([&] { return context_.control.named_totals().application; });
}
std::uint64_t PoolObject::Crashes() { return context_.control.pool().history().crashes(); }
std::uint64_t PoolObject::Restarts() { return context_.control.pool().history().restarts(); }

std::map<std::string, std::uint64_t> PoolObject::Exits() {
  return guarded([&] {
    std::map<std::string, std::uint64_t> exits;
    for (std::size_t index = 0; index < exit_cause_count; ++index) {
      const auto cause = static_cast<ExitCause>(index);
      exits.emplace(to_string(cause), context_.control.pool().history().count(cause));
    }
    return exits;
  });
}

std::vector<PoolObject::ListenerEntry> PoolObject::Listeners() {
  return guarded([&] {
    std::vector<ListenerEntry> entries;
    for (const ListenerView& listener : context_.control.listeners()) {
      const AcceptQueue queue = listener.queue.value_or(AcceptQueue{});
      entries.emplace_back(bus_text(listener.name), bus_text(listener.address), queue.waiting, queue.limit);
    }
    return entries;
  });
}

std::vector<std::string> PoolObject::Unapplied() {
  return guarded([&] {
    std::vector<std::string> keys;
    for (const std::string& key : context_.control.unapplied()) keys.push_back(bus_text(key));
    return keys;
  });
}

std::string PoolObject::ConfigFile() {
  return guarded([&] {
    const std::string& file = context_.control.config().file;
    std::error_code error;
    const std::string path = file.empty() ? "" : std::filesystem::absolute(file, error).string();
    return bus_text(error ? file : path);
  });
}

std::vector<std::string> PoolObject::Program() {
  return guarded([&] {
    std::vector<std::string> program;
    for (const std::string& word : context_.control.config().program) program.push_back(bus_text(word));
    return program;
  });
}

std::uint32_t PoolObject::MainPID() { return static_cast<std::uint32_t>(getpid()); }
std::string PoolObject::Version() { return PREFORKD_VERSION; }
std::uint64_t PoolObject::StartedAt() { return context_.started_at; }
std::uint32_t PoolObject::AdoptedWorkers() { return context_.control.adopted_workers(); }
PoolObject::ReloadEntry PoolObject::LastReload() {
  return guarded([&] {
    const preforkd::LastReload& last = context_.last_reload;
    return ReloadEntry{last.at, last.ok, bus_text(last.message)};
  });
}

PoolObject::Shown PoolObject::shown() {
  const PoolConfig& config = context_.control.config();
  const Pool& pool = context_.control.pool();
  return {config.description,
          config.program,
          pool.state(),
          pool.generation(),
          pool.target(),
          Scaling(),
          config.workers.min,
          config.workers.max,
          pool.ready_count(),
          pool.draining_count(),
          context_.last_reload.at,
          context_.control.unapplied(),
          Drained()};
}

void PoolObject::tell_changes() {
  Shown now = shown();
  std::vector<std::string> changed;
  const auto compare = [&](bool differs, const char* name) {
    if (differs) changed.emplace_back(name);
  };
  compare(now.description != shown_.description, "Description");
  compare(now.program != shown_.program, "Program");
  compare(now.state != shown_.state, "State");
  compare(now.generation != shown_.generation, "Generation");
  compare(now.target != shown_.target, "TargetWorkers");
  compare(now.scaling != shown_.scaling, "Scaling");
  compare(now.min != shown_.min, "MinWorkers");
  compare(now.max != shown_.max, "MaxWorkers");
  compare(now.ready != shown_.ready, "ReadyWorkers");
  compare(now.draining != shown_.draining, "DrainingWorkers");
  compare(now.last_reload != shown_.last_reload, "LastReload");
  compare(now.unapplied != shown_.unapplied, "Unapplied");
  compare(now.drained != shown_.drained, "Drained");
  shown_ = std::move(now);
  if (!changed.empty()) tell_changed(getObject(), Pool_adaptor::INTERFACE_NAME, changed);
}

}  // namespace preforkd
