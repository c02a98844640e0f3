// SPDX-License-Identifier: MIT
#include "master/succession/pool_records.hpp"

#include <string>
#include <utility>
#include <vector>

#include "master/succession/pool_fields.hpp"

namespace preforkd {
namespace {

Failure unreadable(const std::string& what) {
  return Failure("its " + what + " cannot be read: it is damaged, or of a later version of preforkd");
}

Result<Generations> read_generations(const ImageFile::Records& records) {
  Generations generations;
  for (const auto& [key, bytes] : records) {
    if (key.first != RecordType::generation) continue;
    const std::optional<SavedConfig> saved = decode<SavedConfig>(bytes);
    if (!saved) return unreadable("config");
    Result<PoolConfig> config = restore_config(*saved);
    if (!config) return Failure(config.error());
    generations.emplace(static_cast<unsigned>(key.second), std::make_shared<const PoolConfig>(std::move(*config)));
  }
  return generations;
}

// The records of a type whose keys are 0, 1, 2, …
template <class T>
std::vector<T> read_list(const ImageFile::Records& records, RecordType type) {
  std::vector<T> list;
  for (const auto& [key, bytes] : records) {
    if (key.first != type || key.second != list.size()) continue;
    if (std::optional<T> read = decode<T>(bytes)) list.push_back(std::move(*read));
  }
  return list;
}

// If it cannot be read, the workers continue without it.
PoolHistory read_history(const ImageFile::Records& records) {
  const auto counts = record_of<HistoryCounts>(records, RecordType::history);
  if (!counts) return {};
  return {*counts, read_list<SlotHistory>(records, RecordType::slot_history),
          read_list<ExitRecord>(records, RecordType::exit)};
}

}  // namespace

Result<PoolOfRecords> read_pool_records(const ImageFile::Records& records) {
  Result<Generations> generations = read_generations(records);
  if (!generations) return Failure(generations.error());
  const auto record = record_of<PoolRecord>(records, RecordType::pool);
  if (!record) return unreadable("pool");
  PoolOfRecords pool{{*record, {}}, std::move(*generations), read_history(records)};
  for (const auto& [key, bytes] : records) {
    if (key.first != RecordType::slot) continue;
    std::optional<SlotImage> slot = decode<SlotImage>(bytes);
    if (!slot || key.second != pool.image.slots.size()) return unreadable("workers");
    pool.image.slots.push_back(std::move(*slot));
  }
  if (Result<void> sound = check(pool.image, pool.generations); !sound) return Failure(sound.error());
  return pool;
}

}  // namespace preforkd
