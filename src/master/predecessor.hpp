// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "config/config.hpp"
#include "master/base/instant.hpp"
#include "master/process/counters.hpp"
#include "master/process/named_counts.hpp"
#include "master/process/worker_parts.hpp"
#include "master/process_setup.hpp"
#include "master/succession/inherited_descriptors.hpp"
#include "master/succession/pool_records.hpp"

namespace preforkd {

// What a master says of itself to the next one.
struct MasterRecord {
  std::uint64_t number = 1;  // of the masters of this pool, each of which goes on where the one before was
  pid_t pid = 0;
  std::uint64_t started = 0;  // as ProcessStat::started
  uid_t user = 0;
  std::string version;
  std::string runtime_directory;
  // What it inherited itself, which an execve hides.
  std::optional<rlim_t> soft_open_files;
  bool leaves_with_terminal = false;
  bool restarts = false;         // its workers are to be replaced: it, or one before it, was restarted
  unsigned unproven = 0;         // masters in a row, this one included, that have not lived for proof_time
  bool drained = false;          // load balancers should send no new clients
  bool in_master_group = false;  // inherited, too

  bool operator==(const MasterRecord&) const = default;
};

// A master that dies sooner after it has begun to go on may have died of that.
inline constexpr Duration proof_time = std::chrono::milliseconds(20);

// What the workers of earlier masters that have ended had counted.
struct Totals {
  Counters gone;
  NamedCounts named_gone;
  std::uint64_t busy_us = 0;

  bool operator==(const Totals&) const = default;
};

// An earlier master of the same pool, whose workers this one takes over: it has died or was stopped for a restart
// (systemd has kept the descriptors), or it was this process before its execve.
struct Predecessor {
  struct Worker {
    WorkerParts parts;
    std::optional<WorkerDescriptors> descriptors;  // nullopt: they were lost
  };

  MasterRecord master;
  Totals totals;
  std::optional<SavedConfig> config_of_units;  // of its process
  std::vector<std::uint64_t> nonblocking{};    // sockets
  PoolOfRecords pool;
  std::map<WorkerId, Worker> workers;
  UniqueFd runtime_directory;
  bool same_process = false;
  std::vector<std::string> stored{};  // of the same process: the names of the descriptors that systemd keeps

  [[nodiscard]] const PoolConfig& config() const { return *pool.generations.at(pool.image.pool.generation); }
};

// Takes what an earlier master has left out of `inherited`. `pool`: its name; empty: any. nullopt: there was none, it
// had no worker, or its workers cannot be taken over: then the log says why; they are closed off, and end.
[[nodiscard]] std::optional<Predecessor> find_predecessor(InheritedDescriptors& inherited, const std::string& pool);

// Without its descriptors: what the image in this file says. A failure says why it is of no use.
[[nodiscard]] Result<Predecessor> read_predecessor(int image, const std::string& pool);

// What this process says, as the successor of `predecessor`.
[[nodiscard]] MasterRecord describe_master(const ProcessSetup& setup, const Predecessor* predecessor);

template <class Archive>
void fields(Archive& archive, WorkerParts& parts) {
  archive(parts.pid);
  archive(parts.started);
  archive(parts.notify_path);
  archive(parts.group);
  archive(parts.greeted);
  archive(parts.was_sent_sigkill);
  archive(parts.told_at);
  archive(parts.status_text);
  archive(parts.reported_error);
  archive(parts.reported);
  archive(parts.ended);
}

template <class Archive>
void fields(Archive& archive, Counters& counters) {
  archive(counters.counts);
  archive(counters.connections);
  archive(counters.connections_total);
  archive(counters.connections_refused);
  archive(counters.connections_adopted);
  archive(counters.connections_handed_over);
  archive(counters.accept_failures);
  archive(counters.requests_total);
  archive(counters.bytes_in);
  archive(counters.bytes_out);
  archive(counters.worker_messages);
  archive(counters.worker_messages_dropped);
}

template <class Archive>
void fields(Archive& archive, NamedCounts& counts) {
  archive(counts.closes);
  archive(counts.application);
}

template <class Archive>
void fields(Archive& archive, Totals& totals) {
  archive(totals.gone);
  archive(totals.named_gone);
  archive(totals.busy_us);
}

template <class Archive>
void fields(Archive& archive, MasterRecord& record) {
  archive(record.number);
  archive(record.pid);
  archive(record.started);
  archive(record.user);
  archive(record.version);
  archive(record.runtime_directory);
  archive(record.soft_open_files);
  archive(record.leaves_with_terminal);
  archive(record.restarts);
  archive(record.unproven);
  archive(record.drained);
  archive(record.in_master_group);
}

}  // namespace preforkd
