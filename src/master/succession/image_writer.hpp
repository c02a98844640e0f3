// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "master/pool/pool.hpp"
#include "master/succession/image_file.hpp"
#include "master/succession/pool_records.hpp"

namespace preforkd {

// Keeps the image of a pool current. What a write costs depends on what has changed since the last one, not on the
// number of workers.
class ImageWriter {
 public:
  // `parts`: what a next master must know of a worker's process, as bytes; empty: nothing.
  using Parts = std::function<std::string(WorkerId)>;

  // Throws std::runtime_error.
  explicit ImageWriter(Parts parts) : parts_(std::move(parts)) {}

  [[nodiscard]] int fd() const noexcept { return file_.fd(); }
  // A record of the caller, for the next write().
  void put(RecordType type, std::uint64_t key, std::string bytes) { file_.put(type, key, std::move(bytes)); }
  struct Written {
    bool ok = true;                 // false: it cannot be written, now and for good
    std::vector<WorkerId> started;  // since the last time
    std::vector<WorkerId> gone;
  };
  [[nodiscard]] Written write(Pool& pool);

  // The generations whose program is held open, with the descriptors of these. Borrowed.
  [[nodiscard]] std::map<unsigned, int> programs() const;

 private:
  struct Known {
    std::weak_ptr<const Generation> generation;
    std::shared_ptr<const PoolConfig> written;
  };
  void write_slot(const Scheduler& scheduler, unsigned number, Written& written);
  void note(const std::shared_ptr<const Generation>& generation);
  void write_generations();

  ImageFile file_;
  const Parts parts_;
  std::map<unsigned, Known> known_;
  std::map<unsigned, std::vector<WorkerId>> workers_;  // by slot
  std::vector<unsigned> touched_;
};

}  // namespace preforkd
