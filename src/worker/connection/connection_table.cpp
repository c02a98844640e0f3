// SPDX-License-Identifier: MIT
#include "worker/connection/connection_table.hpp"

#include <atomic>
#include <new>
#include <utility>

namespace prefork::internal {

namespace {
// Shared by all servers of the process, so that a reference to a connection of an earlier server finds nothing in a
// later one.
std::atomic<std::uint64_t> last_serial{0};
thread_local ConnectionTable* current_table = nullptr;
}  // namespace

ConnectionTable* ConnectionTable::set_current(ConnectionTable* table) noexcept {
  return std::exchange(current_table, table);
}

ConnectionTable* ConnectionTable::current() noexcept { return current_table; }

ConnectionTable::Place ConnectionTable::allocate() noexcept {
  if (vacant_ == nullptr && !grow()) return {};
  ConnectionImpl* const connection = vacant_;
  vacant_ = connection->next_;
  connection->next_ = nullptr;
  ++used_;
  const std::uint64_t serial = last_serial.fetch_add(1, std::memory_order_relaxed) + 1;
  return {connection, serial << place_bits | connection->place_};
}

void ConnectionTable::release(ConnectionImpl& connection) noexcept {
  connection.next_ = vacant_;
  vacant_ = &connection;
  --used_;
}

ConnectionImpl* ConnectionTable::find(std::uint64_t id) const noexcept {
  const std::size_t place = id & ((std::uint64_t{1} << place_bits) - 1);
  if (place >> slab_bits >= slabs_.size()) return nullptr;
  ConnectionImpl& connection = (*slabs_[place >> slab_bits])[place & ((std::size_t{1} << slab_bits) - 1)];
  return connection.id() == id ? &connection : nullptr;
}

bool ConnectionTable::grow() noexcept {
  const std::size_t first = slabs_.size() << slab_bits;
  if (first >> place_bits != 0) return false;
  try {
    slabs_.push_back(std::make_unique<Slab>());
  } catch (const std::bad_alloc&) {
    return false;
  }
  Slab& slab = *slabs_.back();
  for (std::size_t i = slab.size(); i-- > 0;) {
    slab[i].place_ = static_cast<std::uint32_t>(first + i);
    slab[i].next_ = std::exchange(vacant_, &slab[i]);
  }
  return true;
}

}  // namespace prefork::internal
