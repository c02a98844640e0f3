// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "master/pool/pool_history.hpp"
#include "master/pool/pool_image.hpp"
#include "master/succession/archive.hpp"
#include "master/succession/image_file.hpp"

namespace preforkd {

// nullopt if there is no such record, or it cannot be read.
template <class T>
[[nodiscard]] std::optional<T> record_of(const ImageFile::Records& records, RecordType type, std::uint64_t key = 0) {
  const auto found = records.find({type, key});
  return found == records.end() ? std::nullopt : decode<T>(found->second);
}

// What the scheduler needs from the records, or why it cannot be had.
struct PoolOfRecords {
  PoolImage image;
  Generations generations;
  PoolHistory history;
};
[[nodiscard]] Result<PoolOfRecords> read_pool_records(const ImageFile::Records& records);

}  // namespace preforkd
