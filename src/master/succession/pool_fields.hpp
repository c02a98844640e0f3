// SPDX-License-Identifier: MIT
#pragma once

#include "config/config.hpp"
#include "master/pool/pool_history.hpp"
#include "master/pool/pool_image.hpp"
#include "master/succession/archive.hpp"

// The parts of what an image holds of a pool, for archive.hpp. Append only.
namespace preforkd {

template <class Archive>
void fields(Archive& archive, Kept& kept) {
  archive(kept.moved);
  archive(kept.closed);
}

template <class Archive>
void fields(Archive& archive, Moves& moves) {
  archive(moves.protocol);
  archive(moves.framing);
}

template <class Archive>
void fields(Archive& archive, RespawnPolicy::State& state) {
  archive(state.crashes);
  archive(state.launch_failures);
  archive(state.crashing_since);
}

template <class Archive>
void fields(Archive& archive, WorkerRecord& record) {
  archive(record.id);
  archive(record.slot);
  archive(record.place, Place::leaving);
  archive(record.state, WorkerState::draining);
  archive(record.started_at);
  archive(record.ready_at);
  archive(record.hang_timeout);
  archive(record.leaving, ExitCause::oom);
  archive(record.killed);
  archive(record.sigkilled);
  archive(record.remains);
  archive(record.crash_counted);
  archive(record.operator_signal);
  archive(record.operator_signal_at);
  archive(record.replace_reason, ExitCause::oom);
  archive(record.recycle_at);
  archive(record.in_budget);
  archive(record.notified);
  archive(record.pinged);
  archive(record.moves);
  archive(record.taker);
  archive(record.left_over);
  archive(record.seeks);
  archive(record.handed_over);
  archive(record.kept);
  archive(record.talks);
}

template <class Archive>
void fields(Archive& archive, WorkerImage& image) {
  archive(image.record);
  archive(image.generation);
  archive(image.response_deadline);
  archive(image.lifetime_deadline);
  archive(image.is_watched);
}

template <class Archive>
void fields(Archive& archive, SlotImage& image) {
  archive(image.respawn);
  archive(image.recycling);
  archive(image.retry_at);
  archive(image.down);
  archive(image.workers);
}

template <class Archive>
void fields(Archive& archive, PoolRecord& record) {
  archive(record.seed);
  archive(record.next_id);
  archive(record.observed);
  archive(record.generation);
  archive(record.next_generation);
  archive(record.target);
  archive(record.pinned);
  archive(record.started);
  archive(record.fully_started);
  archive(record.degraded);
  archive(record.empty_after_rollout);
}

template <class Archive>
void fields(Archive& archive, ExitStatus& status) {
  archive(status.kind, ExitStatus::Kind::unknown);
  archive(status.value);
  archive(status.step);
}

template <class Archive>
void fields(Archive& archive, LifetimeUsage& used) {
  archive(used.cpu);
  archive(used.max_memory);
}

template <class Archive>
void fields(Archive& archive, ExitRecord& exit) {
  archive(exit.id);
  archive(exit.pid);
  archive(exit.slot);
  archive(exit.generation);
  archive(exit.cause, ExitCause::oom);
  archive(exit.status);
  archive(exit.used);
  archive(exit.started_at);
  archive(exit.ended_at);
  archive(exit.was_ready);
  archive(exit.failed);
  archive(exit.crashes);
  archive(exit.crashing_since);
  archive(exit.never_notified);
  archive(exit.never_pinged);
  archive(exit.handed_over);
  archive(exit.moves);
  archive(exit.kept);
  archive(exit.follow, Follow::unwanted);
  archive(exit.next_try_at);
}

template <class Archive>
void fields(Archive& archive, SlotHistory& slot) {
  archive(slot.starts);
  archive(slot.crashes);
  archive(slot.last_cause, ExitCause::oom);
  archive(slot.crash_cause, ExitCause::oom);
}

template <class Archive>
void fields(Archive& archive, HistoryCounts& counts) {
  archive(counts.by_cause);
  archive(counts.exits);
  archive(counts.crashes);
  archive(counts.restarts);
  archive(counts.kept);
  archive(counts.not_taken);
}

template <class Archive>
void fields(Archive& archive, FileStamp& stamp) {
  archive(stamp.path);
  archive(stamp.version.device);
  archive(stamp.version.inode);
  archive(stamp.version.bytes);
  archive(stamp.version.modified);
}

template <class Archive>
void fields(Archive& archive, SavedConfig& config) {
  archive(config.name);
  archive(config.file);
  archive(config.document);
  archive(config.files);
}

}  // namespace preforkd
