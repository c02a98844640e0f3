// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "worker/connection/connection_impl.hpp"

namespace prefork::internal {

// The worker's connection objects: allocated in slabs, reused, found by id. An id is a serial number, unique in the
// process and never reused, above the object's place in the table, so that a look-up is two loads and one comparison.
// The memory for the peak number of connections is kept until the end.
class ConnectionTable {
 public:
  ConnectionTable() = default;
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  // A vacant object and the id for its next connection; nullptr if out of memory.
  struct Place {
    ConnectionImpl* connection = nullptr;
    std::uint64_t id = 0;
  };
  [[nodiscard]] Place allocate() noexcept;
  void release(ConnectionImpl& connection) noexcept;

  // The connection with this id until its on_close has returned; afterwards nullptr.
  [[nodiscard]] ConnectionImpl* find(std::uint64_t id) const noexcept;

  // Calls `visit` for each object in use, whatever its state. `visit` may release it, but must not allocate one.
  template <class Visit>
  void for_each_used(Visit visit) {
    for (const std::unique_ptr<Slab>& slab : slabs_) {
      for (ConnectionImpl& connection : *slab) {
        if (!connection.is_vacant()) visit(connection);
      }
    }
  }

  // Objects in use, lingering ones included.
  [[nodiscard]] std::size_t size() const noexcept { return used_; }

  // The table of the server that runs on this thread, in which ConnectionRef and Reply look up; nullptr if none runs.
  // Returns the previous one.
  static ConnectionTable* set_current(ConnectionTable* table) noexcept;
  [[nodiscard]] static ConnectionTable* current() noexcept;

 private:
  static constexpr std::size_t slab_bits = 6;
  static constexpr std::size_t place_bits = 24;
  using Slab = std::array<ConnectionImpl, std::size_t{1} << slab_bits>;

  [[nodiscard]] bool grow() noexcept;

  std::vector<std::unique_ptr<Slab>> slabs_;
  ConnectionImpl* vacant_ = nullptr;
  std::size_t used_ = 0;
};

}  // namespace prefork::internal
