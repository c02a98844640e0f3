// SPDX-License-Identifier: MIT
#include "worker/connection/data_path.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace prefork::internal {

namespace {
// What one connection may take of a turn, and all of those that have messages left from the turn before.
constexpr std::chrono::microseconds connection_share{250};
constexpr std::chrono::milliseconds late_share{5};
}  // namespace

DataPath::DataPath(Streams& streams, TimerWheel& wheel, const Handlers& handlers, const Framing& framing,
                   const Limits& limits, preforkd::StatsPage& stats)
    : streams_(streams),
      wheel_(wheel),
      handlers_(handlers),
      framer_(framing, limits.max_message),
      limits_(limits),
      stats_(stats) {}

DataPath::~DataPath() {
  table_.for_each_used([](ConnectionImpl& connection) { connection.vacate(); });
}

void DataPath::admit(preforkd::UniqueFd fd, const sockaddr_storage& peer, bool is_tcp) {
  const ConnectionTable::Place place = table_.allocate();
  if (place.connection == nullptr) return count_accept_failure();
  if (place.connection->open(*this, place.id, std::move(fd), peer, is_tcp)) return;
  table_.release(*place.connection);
  count_accept_failure();
}

void DataPath::settle() {
  measure_turn();
  settle_queued();
  messages_before_ = has_work() ? messages_ : 0;
  messages_ = 0;
}

// A client that pipelines thousands of small requests must not keep the others waiting: one connection gets as many
// messages a turn as its share of time allows. How long a message takes is known from the turn before; so no clock is
// read for a message.
void DataPath::measure_turn() noexcept {
  const TimePoint::duration took = streams_.now() - std::exchange(turn_began_, streams_.now());
  if (messages_before_ == 0) return;
  const auto affordable = connection_share * messages_before_ / std::max(took, TimePoint::duration(1));
  allowance_ = std::clamp<std::size_t>(affordable, 1, max_allowance);
}

// Only what is queued now: what these connections cause waits for the next turn, so that two of them cannot keep the
// loop from its events.
void DataPath::settle_queued() {
  ConnectionImpl* const last = last_;
  const TimePoint end = streams_.now() + late_share;
  while (first_ != nullptr) {
    ConnectionImpl& connection = *first_;
    first_ = std::exchange(connection.next_, nullptr);
    if (first_ == nullptr) last_ = nullptr;
    connection.enqueued_ = false;
    const bool was_long = connection.settle_turn();
    if (&connection == last || (was_long && streams_.clock() >= end)) return;
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
