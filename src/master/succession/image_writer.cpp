// SPDX-License-Identifier: MIT
#include "master/succession/image_writer.hpp"

#include <algorithm>
#include <utility>

#include "master/succession/pool_fields.hpp"

namespace preforkd {

ImageWriter::Written ImageWriter::write(Pool& pool) {
  Written written;
  const Scheduler& scheduler = pool.scheduler();
  pool.take_touched(touched_);
  for (const unsigned number : touched_) {
    write_slot(scheduler, number, written);
    put(RecordType::slot_history, number, encode(pool.history().slot(number)));
  }
  note(scheduler.committed());
  write_generations();
  put(RecordType::pool, 0, encode(scheduler.record()));
  put(RecordType::history, 0, encode(pool.history().counts()));
  for (const std::size_t place : pool.take_changed_exits())
    put(RecordType::exit, place, encode(pool.history().at(place)));
  written.ok = file_.commit();
  return written;
}

void ImageWriter::write_slot(const Scheduler& scheduler, unsigned number, Written& written) {
  const SlotImage image = scheduler.slot_image(number);
  put(RecordType::slot, number, encode(image));
  std::vector<WorkerId> present;
  const std::vector<WorkerId> before = std::exchange(workers_[number], {});
  for (const WorkerImage& worker : image.workers) {
    const WorkerId id = worker.record.id;
    note(scheduler.roster().find(id)->generation);
    put(RecordType::worker, static_cast<std::uint64_t>(id), parts_(id));
    if (std::find(before.begin(), before.end(), id) == before.end()) written.started.push_back(id);
    present.push_back(id);
  }
  for (const WorkerId id : before) {
    if (scheduler.roster().find(id) != nullptr) continue;
    file_.erase(RecordType::worker, static_cast<std::uint64_t>(id));
    written.gone.push_back(id);
  }
  workers_[number] = std::move(present);
}

void ImageWriter::note(const std::shared_ptr<const Generation>& generation) {
  known_.try_emplace(generation->number, Known{generation, nullptr});
}

// A generation's config may be exchanged (event::Adopt).
void ImageWriter::write_generations() {
  for (auto each = known_.begin(); each != known_.end();) {
    const std::shared_ptr<const Generation> generation = each->second.generation.lock();
    if (generation == nullptr) {
      file_.erase(RecordType::generation, each->first);
      each = known_.erase(each);
      continue;
    }
    if (std::exchange(each->second.written, generation->config) != generation->config)
      put(RecordType::generation, each->first, encode(save_config(*generation->config)));
    ++each;
  }
}

std::map<unsigned, int> ImageWriter::programs() const {
  std::map<unsigned, int> programs;
  for (const auto& [number, known] : known_) {
    if (known.written != nullptr && known.written->program_file) programs[number] = known.written->program_file->get();
  }
  return programs;
}

}  // namespace preforkd
