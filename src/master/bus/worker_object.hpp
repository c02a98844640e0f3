// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <dbus/worker_adaptor.hpp>

#include "master/bus/bus_context.hpp"

namespace preforkd {

// /org/preforkd1/worker/SLOT, described in src/dbus/org.preforkd1.Worker.xml.
class WorkerObject final : public sdbus::AdaptorInterfaces<org::preforkd1::Worker_adaptor> {
 public:
  // Borrows both. Reports the new object to the object manager's clients.
  WorkerObject(sdbus::IConnection& connection, const BusContext& context, unsigned slot);
  WorkerObject(const WorkerObject&) = delete;
  WorkerObject& operator=(const WorkerObject&) = delete;
  ~WorkerObject();

  // Something about the slot has changed. Does not report counters.
  void tell_changes();

 private:
  void Recycle(sdbus::Result<>&& result) override;
  void Kill(sdbus::Result<>&& result, std::int32_t signal) override;

  std::uint32_t Slot() override { return slot_; }
  std::uint32_t PID() override;
  std::uint32_t Generation() override;
  std::string State() override;
  std::string StatusText() override;
  std::uint64_t StartedAt() override;
  std::uint64_t ReadyAt() override;
  std::uint64_t DrainDeadline() override;
  bool Counts() override;
  std::uint64_t Connections() override;
  std::uint64_t ConnectionsTotal() override;
  std::uint64_t ConnectionsRefused() override;
  std::uint64_t ConnectionsAdopted() override;
  std::uint64_t ConnectionsHandedOver() override;
  std::uint64_t AcceptFailures() override;
  std::uint64_t RequestsTotal() override;
  std::uint64_t BytesIn() override;
  std::uint64_t BytesOut() override;
  std::uint64_t WorkerMessages() override;
  std::uint64_t WorkerMessagesDropped() override;
  std::map<std::string, std::uint64_t> Closes() override;
  std::map<std::string, std::uint64_t> ApplicationCounters() override;
  std::uint64_t MemoryBytes() override;
  std::uint64_t CPUUSec() override;
  std::uint64_t Processes() override;
  std::uint64_t OOMKills() override;
  std::map<std::string, double> Pressure() override;
  std::uint64_t Crashes() override;
  std::string LastExitCause() override;

  [[nodiscard]] std::optional<WorkerView> view() const { return context_.control.pool().shown_worker(slot_); }
  [[nodiscard]] WorkerFacts facts() const;
  [[nodiscard]] WorkerUsage usage() const;
  [[nodiscard]] NamedCounts named_counts() const;

  const BusContext& context_;
  const unsigned slot_;
};

}  // namespace preforkd
