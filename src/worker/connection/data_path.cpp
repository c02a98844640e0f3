// SPDX-License-Identifier: MIT
#include "worker/connection/data_path.hpp"

#include <utility>

namespace prefork::internal {

DataPath::DataPath(EventLoop& loop, TimerWheel& wheel, const Handlers& handlers, const Framing& framing,
                   const Limits& limits, preforkd::StatsPage& stats)
    : loop_(loop),
      wheel_(wheel),
      handlers_(handlers),
      framer_(framing, limits.max_message),
      limits_(limits),
      stats_(stats),
      read_buffer_(new char[read_size]) {}

DataPath::~DataPath() {
  table_.for_each_used([](ConnectionImpl& connection) { connection.vacate(); });
}

void DataPath::admit(preforkd::UniqueFd fd, const sockaddr_storage& peer) {
  const ConnectionTable::Place place = table_.allocate();
  if (place.connection == nullptr) return count_accept_failure();
  if (place.connection->open(*this, place.id, std::move(fd), peer)) return;
  table_.release(*place.connection);
  count_accept_failure();
}

void DataPath::settle() {
  // Only what is queued now: what these connections cause waits for the next turn, so that two of them cannot keep the
  // loop from its events.
  ConnectionImpl* connection = std::exchange(first_, nullptr);
  last_ = nullptr;
  while (connection != nullptr) {
    ConnectionImpl& current = *connection;
    connection = std::exchange(current.next_, nullptr);
    current.enqueued_ = false;
    current.settle_turn();
  }
}

void DataPath::begin_drain() {
  draining_ = true;
  table_.for_each_used([](ConnectionImpl& connection) { connection.begin_drain(); });
}

void DataPath::close_all(CloseReason busy, CloseReason idle) {
  at_once_ = true;
  table_.for_each_used([busy, idle](ConnectionImpl& connection) { connection.end_at_once(busy, idle); });
}

void DataPath::enqueue(ConnectionImpl& connection) noexcept {
  if (std::exchange(connection.enqueued_, true)) return;
  (last_ != nullptr ? last_->next_ : first_) = &connection;
  last_ = &connection;
}

void DataPath::count_opened() noexcept {
  ++connections_;
  stats_.connections.store(connections_, std::memory_order_relaxed);
  add(stats_.connections_total, 1);
}

void DataPath::count_closed(CloseReason reason) noexcept {
  --connections_;
  stats_.connections.store(connections_, std::memory_order_relaxed);
  add(stats_.closes_by_reason.at(static_cast<std::size_t>(reason)), 1);
}

}  // namespace prefork::internal
