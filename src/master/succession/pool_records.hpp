// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "master/pool/pool_history.hpp"
#include "master/pool/pool_image.hpp"
#include "master/succession/image_file.hpp"

namespace preforkd {

// The records of an image, and what their keys are. Their numbers must never change.
enum class RecordType : std::uint32_t {
  pool = 1,        // PoolRecord; 0
  slot = 2,        // SlotImage; its number
  generation = 3,  // SavedConfig; its number
  worker = 4,      // WorkerParts; the worker's id
  master = 5,      // MasterRecord; 0
  // Of a master that is about to execute another preforkd: the descriptors that it leaves open, with their names.
  descriptors = 6,      // 0
  config_of_units = 7,  // SavedConfig; 0: what systemd's units said when that master was started
  totals = 8,           // Totals; 0
  history = 9,          // HistoryCounts; 0
  exit = 10,            // ExitRecord; its place in PoolHistory
  slot_history = 11,    // SlotHistory; the slot's number
  nonblocking = 13,     // ListenSockets::nonblocking(); 0
  stored = 12,          // with `descriptors`: the names that systemd keeps, each as often as it has descriptors; 0
};

// What the scheduler needs from the records, or why it cannot be had.
struct PoolOfRecords {
  PoolImage image;
  Generations generations;
  PoolHistory history;
};
[[nodiscard]] Result<PoolOfRecords> read_pool_records(const ImageFile::Records& records);

}  // namespace preforkd
