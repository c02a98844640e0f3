// SPDX-License-Identifier: MIT
#include "master/predecessor.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/process_facts.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/succession/pool_fields.hpp"

namespace preforkd {
namespace {

using Numbered = InheritedDescriptors::Numbered;
using Kind = DescriptorName::Kind;

constexpr unsigned max_unproven = 5;

std::map<WorkerId, std::vector<UniqueFd>> by_worker(std::vector<Numbered> descriptors) {
  std::map<WorkerId, std::vector<UniqueFd>> found;
  for (Numbered& each : descriptors) found[WorkerId{each.number}].push_back(std::move(each.fd));
  return found;
}

void take_parts(const ImageFile::Records& records, Predecessor& predecessor) {
  for (const SlotImage& slot : predecessor.pool.image.slots) {
    for (const WorkerImage& worker : slot.workers) {
      const auto id = static_cast<std::uint64_t>(worker.record.id);
      predecessor.workers[worker.record.id].parts =
          record_of<WorkerParts>(records, RecordType::worker, id).value_or(WorkerParts());
    }
  }
}

void hold_programs(std::vector<Numbered> programs, Generations& generations) {
  for (Numbered& each : programs) {
    const auto generation = generations.find(static_cast<unsigned>(each.number));
    if (generation == generations.end()) continue;
    PoolConfig config = *generation->second;
    config.program_file = std::make_shared<const UniqueFd>(std::move(each.fd));
    generation->second = std::make_shared<const PoolConfig>(std::move(config));
  }
}

bool is_this_process(const MasterRecord& master) {
  const std::optional<ProcessStat> own = process_stat(getpid());
  return master.pid == getpid() && own && own->started == master.started;
}

Result<Predecessor> read_image(int image) {
  const Result<ImageFile::Records> records = ImageFile::read(image);
  if (!records) return Failure(records.error());
  Predecessor predecessor;
  const auto master = record_of<MasterRecord>(*records, RecordType::master);
  if (!master) return Failure("its master's record cannot be read");
  predecessor.master = *master;
  predecessor.same_process = is_this_process(*master);
  Result<PoolOfRecords> found = read_pool_records(*records);
  if (!found) return Failure(found.error());
  predecessor.pool = std::move(*found);
  predecessor.totals = record_of<Totals>(*records, RecordType::totals).value_or(Totals());
  predecessor.nonblocking =
      record_of<std::vector<std::uint64_t>>(*records, RecordType::nonblocking).value_or(predecessor.nonblocking);
  predecessor.stored = record_of<std::vector<std::string>>(*records, RecordType::stored).value_or(predecessor.stored);
  predecessor.config_of_units = record_of<SavedConfig>(*records, RecordType::config_of_units);
  take_parts(*records, predecessor);
  return predecessor;
}

Result<void> check_may_follow(const Predecessor& predecessor, const std::string& pool) {
  const MasterRecord& master = predecessor.master;
  if (master.user != geteuid())
    return Failure("its workers belong to uid " + std::to_string(master.user) + ", and preforkd now runs as uid " +
                   std::to_string(geteuid()));
  if (master.unproven >= max_unproven)
    return Failure(std::to_string(max_unproven) + " masters in a row have died as they went on with them");
  if (!pool.empty() && predecessor.config().name != pool)
    return Failure("it is of the pool \"" + predecessor.config().name + '"');
  return {};
}

// A master stores its own image before it removes the one that it has read, so there may be two. Puts the one that is
// used first.
Result<Predecessor> read_newest(std::vector<Numbered>& images) {
  std::sort(images.begin(), images.end(), [](const Numbered& a, const Numbered& b) { return a.number > b.number; });
  Result<Predecessor> newest = read_image(images.front().fd.get());
  for (std::size_t i = 1; i < images.size() && !newest; ++i) {
    Result<Predecessor> older = read_image(images[i].fd.get());
    if (!older) continue;
    log::warning("the newest image of the pool cannot be used, but an older one can: " + newest.error().text);
    std::swap(images.front(), images[i]);
    return older;
  }
  return newest;
}

Result<std::optional<Predecessor>> take_predecessor(InheritedDescriptors& inherited, const std::string& pool) {
  std::vector<Numbered> images = inherited.take(Kind::image);
  auto descriptors = by_worker(inherited.take(Kind::worker));
  std::vector<Numbered> programs = inherited.take(Kind::program);
  std::vector<Numbered> folder = inherited.take(Kind::runtime_directory);
  if (images.empty() && !descriptors.empty()) return Failure("there is no image of them");
  if (images.empty()) return std::nullopt;
  Result<Predecessor> predecessor = read_newest(images);
  if (!predecessor) return Failure(predecessor.error());
  if (const Result<void> may = check_may_follow(*predecessor, pool); !may) return Failure(may.error());
  if (predecessor->workers.empty() && !predecessor->same_process) return std::nullopt;
  for (auto& [id, worker] : predecessor->workers) {
    if (worker.parts.pid > 0) worker.descriptors = sort_descriptors(std::move(descriptors[id]));
  }
  // If this master dies before it has an image of its own, the next one must know.
  if (!predecessor->same_process) {
    MasterRecord tried = predecessor->master;
    ++tried.unproven;
    ImageFile::amend(images.front().fd.get(), {RecordType::master, 0}, encode(tried));
  }
  hold_programs(std::move(programs), predecessor->pool.generations);
  if (!folder.empty()) predecessor->runtime_directory = std::move(folder.front().fd);
  return std::optional(std::move(*predecessor));
}

}  // namespace

// Workers that cannot be taken over must not keep the pool from starting.
std::optional<Predecessor> find_predecessor(InheritedDescriptors& inherited, const std::string& pool) {
  Result<std::optional<Predecessor>> found = take_predecessor(inherited, pool);
  if (found) return std::move(*found);
  log::error("cannot adopt the workers of an earlier master, which end now: " + found.error().text,
             {message_id::field(message_id::workers_not_adopted)});
  return std::nullopt;
}

Result<Predecessor> read_predecessor(int image, const std::string& pool) {
  Result<Predecessor> predecessor = read_image(image);
  if (!predecessor) return predecessor;
  if (const Result<void> may = check_may_follow(*predecessor, pool); !may) return Failure(may.error());
  return predecessor;
}

MasterRecord describe_master(const ProcessSetup& setup, const Predecessor* predecessor) {
  MasterRecord record;
  record.pid = getpid();
  if (const std::optional<ProcessStat> own = process_stat(getpid())) record.started = own->started;
  record.user = geteuid();
  record.version = PREFORKD_VERSION;
  record.soft_open_files = setup.soft_open_files;
  record.leaves_with_terminal = setup.leaves_with_terminal;
  record.in_master_group = setup.in_master_group;
  if (predecessor == nullptr) return record;
  record.number = predecessor->master.number + 1;
  record.unproven = predecessor->master.unproven + (predecessor->same_process ? 0U : 1U);
  record.restarts = predecessor->master.restarts;
  record.drained = predecessor->master.drained;
  return record;
}

}  // namespace preforkd
