// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

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
  stored = 12,          // with `descriptors`: the names that systemd keeps, each as often as it has descriptors; 0
  nonblocking = 13,     // ListenSockets::nonblocking(); 0
};

// Records in a memfd that outlives the process: each has a type and a key, and bytes that replace the earlier ones.
// What was put since the last commit() becomes visible at once or not at all, whatever instruction the process dies at.
//
// The file is a log. commit() appends one block with the changes, in one write; a reader takes the blocks in order, up
// to one that is not whole. Once the log is much longer than what it holds, all records follow as one block, the header
// is made to point to that, and what was before it is given back to the kernel: so a change costs what it writes, and
// the file has about twice the size of its contents.
//
//     header   magic, version, where the log begins; the boot in which its instants are valid
//     block    length, checksum; records: type, length or `erased`, key, bytes
//
// Rejected: records at fixed places in shared memory. A change of several records would need a journal beside them, and
// each would have its size for good.
class ImageFile {
 public:
  using Key = std::pair<RecordType, std::uint64_t>;
  using Records = std::map<Key, std::string>;

  // Throws std::runtime_error.
  ImageFile();

  // Borrowed.
  [[nodiscard]] int fd() const noexcept { return file_.get(); }

  void put(RecordType type, std::uint64_t key, std::string bytes);
  void erase(RecordType type, std::uint64_t key);
  // False if it could not be written: then the file holds nothing, and no commit() will change that.
  bool commit();

  // What the file of an earlier process holds, or why it cannot be used.
  [[nodiscard]] static Result<Records> read(int fd);
  // Puts a record into the file of an earlier process, if it can be read.
  static void amend(int fd, const Key& key, std::string_view bytes);

 private:
  [[nodiscard]] bool append(const std::string& records);
  [[nodiscard]] bool compact();

  UniqueFd file_;
  Records records_;
  std::string changes_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t held_ = 0;  // bytes of all records
  bool failed_ = false;
};

}  // namespace preforkd
