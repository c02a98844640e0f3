// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <dbus/pool_adaptor.hpp>

#include "master/bus/bus_context.hpp"

namespace preforkd {

// /org/preforkd1: the pool, and the object manager of its workers. The interface is described in
// src/dbus/org.preforkd1.Pool.xml.
class PoolObject final : public sdbus::AdaptorInterfaces<org::preforkd1::Pool_adaptor, sdbus::ObjectManager_adaptor> {
 public:
  // Borrows both.
  PoolObject(sdbus::IConnection& connection, const BusContext& context);
  PoolObject(const PoolObject&) = delete;
  PoolObject& operator=(const PoolObject&) = delete;
  ~PoolObject();

  // Sends PropertiesChanged for the rarely changing properties that differ from the last call.
  void tell_changes();

 private:
  using Change = sdbus::Struct<std::string, std::string, std::string, std::string>;
  using Listed =
      sdbus::Struct<std::uint32_t, std::uint32_t, std::string, std::uint32_t, std::uint64_t, sdbus::ObjectPath>;
  using Exit = sdbus::Struct<std::uint64_t, std::uint32_t, std::uint32_t, std::uint32_t, std::string, std::string,
                             std::int32_t, bool, std::string, std::uint64_t, std::uint64_t>;
  using ListenerEntry = sdbus::Struct<std::string, std::string, std::uint32_t, std::uint32_t>;
  using ReloadEntry = sdbus::Struct<std::uint64_t, bool, std::string>;

  void Reload(sdbus::Result<>&& result) override;
  void Plan(sdbus::Result<std::vector<Change>>&& result) override;
  void Scale(sdbus::Result<>&& result, std::uint32_t workers) override;
  void ScaleByLoad(sdbus::Result<>&& result) override;
  void RecycleAll(sdbus::Result<>&& result) override;
  void Rebalance(sdbus::Result<>&& result) override;
  void SetDrained(sdbus::Result<>&& result, bool drained) override;
  void Upgrade(sdbus::Result<std::string>&& result) override;
  std::vector<Listed> ListWorkers() override;
  sdbus::ObjectPath GetWorker(const std::uint32_t& slot) override;
  sdbus::ObjectPath GetWorkerByPID(const std::uint32_t& pid) override;
  std::vector<Exit> ExitHistory(const std::uint32_t& limit) override;

  std::string Name() override;
  std::string Description() override;
  std::string State() override;
  std::string StatusText() override;
  std::uint32_t Generation() override;
  std::uint32_t TargetWorkers() override;
  std::string Scaling() override;
  std::uint32_t MinWorkers() override;
  std::uint32_t MaxWorkers() override;
  std::uint32_t ReadyWorkers() override;
  std::uint32_t DrainingWorkers() override;
  bool Drained() override;
  bool Counts() override;
  std::uint64_t Connections() override;
  std::uint64_t ConnectionsTotal() override;
  std::uint64_t ConnectionsRefused() override;
  std::uint64_t ConnectionsAdopted() override;
  std::uint64_t ConnectionsHandedOver() override;
  std::uint64_t ConnectionsClosedByKeepers() override;
  std::map<std::string, std::uint64_t> ConnectionsNotTaken() override;
  std::uint64_t AcceptFailures() override;
  std::uint64_t RequestsTotal() override;
  std::uint64_t BytesIn() override;
  std::uint64_t BytesOut() override;
  std::uint64_t BusyUSec() override;
  std::uint64_t WorkerMessages() override;
  std::uint64_t WorkerMessagesDropped() override;
  std::map<std::string, std::uint64_t> Closes() override;
  std::map<std::string, std::uint64_t> ApplicationCounters() override;
  std::uint64_t Crashes() override;
  std::uint64_t Restarts() override;
  std::map<std::string, std::uint64_t> Exits() override;
  std::vector<ListenerEntry> Listeners() override;
  std::vector<std::string> Unapplied() override;
  std::string ConfigFile() override;
  std::vector<std::string> Program() override;
  std::uint32_t MainPID() override;
  std::string Version() override;
  std::uint64_t StartedAt() override;
  std::uint32_t AdoptedWorkers() override;
  ReloadEntry LastReload() override;

  // The values that tell_changes() compares.
  struct Shown {
    std::string description;
    std::vector<std::string> program;
    PoolState state{};
    unsigned generation = 0;
    unsigned target = 0;
    std::string scaling;
    unsigned min = 0;
    unsigned max = 0;
    unsigned ready = 0;
    unsigned draining = 0;
    std::uint64_t last_reload = 0;
    std::vector<std::string> unapplied;
    bool drained = false;
  };
  [[nodiscard]] Shown shown();

  const BusContext& context_;
  Shown shown_;
};

// The error for the caller of a reload or a plan.
[[nodiscard]] sdbus::Error reload_error(const ReloadResult& result);

}  // namespace preforkd
