// SPDX-License-Identifier: MIT
#include "master/predecessor.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/process_facts.hpp"
#include "base/whole_number.hpp"
#include "master/succession/pool_fields.hpp"

namespace preforkd {
namespace {

using Named = InheritedDescriptors::Named;

constexpr unsigned max_unproven = 5;

std::optional<std::uint64_t> number_of(const Named& named, std::string_view prefix) {
  return whole_number<std::uint64_t>(std::string_view(named.name).substr(prefix.size()));
}

// The newest: a master stores its own before it removes the one that it has read.
int newest_image(const std::vector<Named>& images) {
  const auto newest = std::max_element(images.begin(), images.end(), [](const Named& a, const Named& b) {
    return number_of(a, image_prefix).value_or(0) < number_of(b, image_prefix).value_or(0);
  });
  return newest->fd.get();
}

std::map<WorkerId, std::vector<UniqueFd>> by_worker(std::vector<Named> descriptors) {
  std::map<WorkerId, std::vector<UniqueFd>> found;
  for (Named& each : descriptors) {
    if (const auto id = number_of(each, worker_prefix)) found[WorkerId{*id}].push_back(std::move(each.fd));
  }
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

void hold_programs(std::vector<Named> programs, Generations& generations) {
  for (Named& each : programs) {
    const auto number = number_of(each, program_prefix);
    const auto generation = number ? generations.find(static_cast<unsigned>(*number)) : generations.end();
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

}  // namespace

Result<Predecessor> read_predecessor(int image, const std::string& pool) {
  const Result<ImageFile::Records> records = ImageFile::read(image);
  if (!records) return Failure(records.error());
  Predecessor predecessor;
  const auto master = record_of<MasterRecord>(*records, RecordType::master);
  if (!master) return Failure("its master's record cannot be read");
  predecessor.master = *master;
  predecessor.same_process = is_this_process(*master);
  if (master->user != geteuid())
    return Failure("its workers belong to uid " + std::to_string(master->user) + ", and preforkd now runs as uid " +
                   std::to_string(geteuid()));
  if (master->unproven >= max_unproven)
    return Failure(std::to_string(max_unproven) + " masters in a row have died as they went on with them");
  Result<PoolOfRecords> found = read_pool_records(*records);
  if (!found) return Failure(found.error());
  predecessor.pool = std::move(*found);
  if (!pool.empty() && predecessor.config().name != pool)
    return Failure("it is of the pool \"" + predecessor.config().name + '"');
  predecessor.totals = record_of<Totals>(*records, RecordType::totals).value_or(Totals());
  predecessor.nonblocking =
      record_of<std::vector<std::uint64_t>>(*records, RecordType::nonblocking).value_or(predecessor.nonblocking);
  predecessor.stored = record_of<std::vector<std::string>>(*records, RecordType::stored).value_or(predecessor.stored);
  predecessor.config_of_units = record_of<SavedConfig>(*records, RecordType::config_of_units);
  take_parts(*records, predecessor);
  return predecessor;
}

Result<std::optional<Predecessor>> find_predecessor(InheritedDescriptors& inherited, const std::string& pool) {
  const std::vector<Named> images = inherited.take(image_prefix);
  auto descriptors = by_worker(inherited.take(worker_prefix));
  std::vector<Named> programs = inherited.take(program_prefix);
  std::vector<Named> folder = inherited.take(runtime_directory_name);
  if (images.empty() && !descriptors.empty()) return Failure("there is no image of them");
  if (images.empty()) return std::nullopt;
  Result<Predecessor> predecessor = read_predecessor(newest_image(images), pool);
  if (!predecessor) return Failure(predecessor.error());
  if (predecessor->workers.empty() && !predecessor->same_process) return std::nullopt;
  for (auto& [id, worker] : predecessor->workers) {
    if (worker.parts.pid > 0) worker.descriptors = sort_descriptors(std::move(descriptors[id]));
  }
  // If this master dies before it has an image of its own, the next one must know.
  if (!predecessor->same_process) {
    MasterRecord tried = predecessor->master;
    ++tried.unproven;
    ImageFile::amend(newest_image(images), {RecordType::master, 0}, encode(tried));
  }
  hold_programs(std::move(programs), predecessor->pool.generations);
  if (!folder.empty()) predecessor->runtime_directory = std::move(folder.front().fd);
  return std::optional(std::move(*predecessor));
}

MasterRecord describe_master(const ProcessSetup& setup, const Predecessor* predecessor) {
  MasterRecord record;
  record.pid = getpid();
  if (const std::optional<ProcessStat> own = process_stat(getpid())) record.started = own->started;
  record.user = geteuid();
  record.version = PREFORKD_VERSION;
  record.soft_open_files = setup.soft_open_files;
  record.leaves_with_terminal = setup.leaves_with_terminal;
  if (predecessor == nullptr) return record;
  record.number = predecessor->master.number + 1;
  record.unproven = predecessor->master.unproven + (predecessor->same_process ? 0U : 1U);
  record.restarts = predecessor->master.restarts;
  return record;
}

}  // namespace preforkd
