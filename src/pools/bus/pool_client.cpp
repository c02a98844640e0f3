// SPDX-License-Identifier: MIT
#include "pools/bus/pool_client.hpp"

#include <memory>
#include <utility>

#include "base/time_span.hpp"
#include "dbus/words.hpp"
#include "pools/bus/failure_text.hpp"

namespace preforkd {
namespace {

MethodCall answered(MethodCall call, const std::string& answer) {
  call.answer = answer;
  return call;
}

MethodCall bus_ping() {
  return {.destination = "org.freedesktop.DBus",
          .path = "/org/freedesktop/DBus",
          .interface = "org.freedesktop.DBus.Peer",
          .member = "Ping",
          .answer = "",
          .arguments = {}};
}

}  // namespace

PoolClient::PoolClient(Bus& bus, std::string name, bool interactive)
    : bus_(bus), name_(std::move(name)), owner_(pool_owner(bus, name_)), interactive_(interactive) {}

MethodCall PoolClient::pool_call(const std::string& member, std::vector<Argument> arguments) const {
  return {.destination = owner_.connection,
          .path = dbus::pool_path,
          .interface = dbus::pool_interface,
          .member = member,
          .answer = "",
          .arguments = std::move(arguments)};
}

MethodCall PoolClient::worker_call(std::uint32_t slot, const std::string& member,
                                   std::vector<Argument> arguments) const {
  MethodCall call = pool_call(member, std::move(arguments));
  call.path = dbus::worker_path(slot);
  call.interface = dbus::worker_interface;
  return call;
}

// A password and a reload take their time, so there is no timeout; the ping finds out a master that hangs.
MethodCall PoolClient::changing(MethodCall call) {
  MethodCall ping = pool_call("Ping");
  ping.interface = "org.freedesktop.DBus.Peer";
  this->call(ping);
  call.interactive = interactive_;
  call.timeout_us = UINT64_MAX;
  return call;
}

MethodCall PoolClient::get_all_call() const {
  MethodCall call = answered(pool_call("GetAll", {std::string(dbus::pool_interface)}), "a{sv}");
  call.interface = "org.freedesktop.DBus.Properties";
  return call;
}

MethodCall PoolClient::objects_call() const {
  MethodCall call = answered(pool_call("GetManagedObjects"), "a{oa{sa{sv}}}");
  call.interface = "org.freedesktop.DBus.ObjectManager";
  return call;
}

MethodCall PoolClient::processes_call() const { return answered(pool_call("ListWorkers"), "a("); }

Json PoolClient::call(const MethodCall& call) {
  try {
    return bus_.call(call);
  } catch (const BusFailure& failure) {
    throw explained(failure, call.path);
  }
}

Json PoolClient::properties() { return call(get_all_call()).at(0); }

Json PoolClient::properties(std::uint32_t slot) {
  MethodCall get_all = answered(worker_call(slot, "GetAll", {std::string(dbus::worker_interface)}), "a{sv}");
  get_all.interface = "org.freedesktop.DBus.Properties";
  return call(get_all).at(0);
}

std::vector<WorkerSnapshot> PoolClient::workers() { return worker_snapshots(call(objects_call()).at(0)); }

std::vector<ProcessSnapshot> PoolClient::processes() { return process_snapshots(call(processes_call()).at(0)); }

std::vector<PastExit> PoolClient::exits(std::uint32_t max) {
  return past_exits(call(answered(pool_call("ExitHistory", {max}), "a(")).at(0));
}

std::vector<PlannedChange> PoolClient::plan() {
  return planned_changes(call(changing(answered(pool_call("Plan"), "a("))).at(0));
}

void PoolClient::scale(std::uint32_t workers) { call(changing(pool_call("Scale", {workers}))); }

void PoolClient::scale_by_load() { call(changing(pool_call("ScaleByLoad"))); }

void PoolClient::recycle_all() { call(changing(pool_call("RecycleAll"))); }
void PoolClient::rebalance() { call(changing(pool_call("Rebalance"))); }

void PoolClient::set_drained(bool drained) { call(changing(pool_call("SetDrained", {drained}))); }

std::string PoolClient::upgrade() {
  constexpr std::chrono::seconds bound(10);
  auto taken_over = std::make_shared<bool>(false);
  try {
    bus_.match("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" + bus_name(name_) + "'",
               [taken_over, before = owner_.connection](const Signal& signal) {
                 const Json& owner = signal.arguments.at(2);
                 *taken_over = *taken_over || (owner != "" && owner != before);
               });
    std::string version = bus_.call(changing(answered(pool_call("Upgrade"), "s"))).at(0).get<std::string>();
    if (bus_.wait_for([&] { return *taken_over; }, bound)) return version;
    throw ExitError(exit_code::failure, version + " does not own the bus name of the pool within " +
                                            format_time_span(bound) + "; see preforkctl logs " + name_);
  } catch (const BusFailure& failure) {
    throw explained(failure);
  }
}

void PoolClient::recycle(std::uint32_t slot) { call(changing(worker_call(slot, "Recycle"))); }

void PoolClient::kill(std::uint32_t slot, std::int32_t signal) { call(changing(worker_call(slot, "Kill", {signal}))); }

ExitError PoolClient::explained(const BusFailure& failure, std::string_view object) const {
  return explain(failure, name_, bus_.target(), owner_.pid, object);
}

void PoolClient::subscribe(std::function<void(const Signal&)> on_signal, const std::function<void()>& on_gone) {
  const std::string& sender = owner_.connection;
  try {
    bus_.match("type='signal',sender='" + sender + "',path_namespace='" + dbus::pool_path + "'", std::move(on_signal));
    bus_.match("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" + bus_name(name_) + "'",
               [sender, on_gone](const Signal& signal) {
                 if (signal.arguments.at(1) == sender) on_gone();
               });
    if (!owns(bus_, sender, name_)) on_gone();  // it left meanwhile
  } catch (const BusFailure& failure) {
    throw explained(failure);
  }
}

void PoolClient::reload(std::function<void(const Signal&)> on_signal) {
  subscribe(std::move(on_signal), [] {});  // the call's own error says that the pool is gone
  auto ended = std::make_shared<std::unique_ptr<Reply>>();
  bus_.call_async(changing(pool_call("Reload")),
                  [ended](const Reply& reply) { *ended = std::make_unique<Reply>(reply); });
  const auto has_ended = [&] { return *ended != nullptr; };
  try {
    // A machine that is gone does not close its connection.
    while (!bus_.wait_for(has_ended, std::chrono::seconds(5))) {
      if (!bus_.target().is_this_machine()) bus_.call(bus_ping());
    }
    if (const auto* const failure = std::get_if<BusFailure>(ended->get())) throw *failure;
  } catch (const BusFailure& failure) {
    throw explained(failure);
  }
}

}  // namespace preforkd
