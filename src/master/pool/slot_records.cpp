// SPDX-License-Identifier: MIT
#include "master/pool/slot_records.hpp"

#include <algorithm>

namespace preforkd {

void SlotRecords::on_worker_started(const WorkerView& worker) {
  if (std::exchange(record(worker.slot).used, true)) ++restarts_;
}

void SlotRecords::on_worker_exited(const ExitRecord& exit) {
  Record& slot = record(exit.slot);
  slot.last_cause = to_string(exit.cause);
  if (exit.failed) ++slot.crashes;
  if (exited_.size() == ExitHistory::capacity) exited_.pop_front();
  exited_.emplace_back(exit.id, pid_of_(exit.id));
}

std::uint64_t SlotRecords::crashes(unsigned slot) const noexcept {
  return slot < records_.size() ? records_[slot].crashes : 0;
}

std::string_view SlotRecords::last_exit_cause(unsigned slot) const noexcept {
  return slot < records_.size() ? records_[slot].last_cause : std::string_view();
}

pid_t SlotRecords::exited_pid(WorkerId id) const noexcept {
  const auto found = std::find_if(exited_.begin(), exited_.end(), [&](const auto& each) { return each.first == id; });
  return found == exited_.end() ? 0 : found->second;
}

SlotRecords::Record& SlotRecords::record(unsigned slot) {
  if (records_.size() <= slot) records_.resize(slot + 1);
  return records_[slot];
}

}  // namespace preforkd
