// SPDX-License-Identifier: MIT
#include "worker/connection/data_path.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/connection/own_close_reasons.hpp"

namespace prefork::internal {

namespace {
// What one connection may take of a turn, and all of those that have messages left from the turn before.
constexpr std::chrono::microseconds connection_share{250};
constexpr std::chrono::milliseconds late_share{5};

bool is_trusted(const PeerAddress& peer, const Entrance& entrance) noexcept {
  const std::vector<Network>& networks = entrance.service.limits.trusted_proxies;
  return std::any_of(networks.begin(), networks.end(), [&](const Network& each) { return each.contains(peer); });
}

}  // namespace

DataPath::DataPath(Streams& streams, TimerWheel& wheel, const LimitValues& limits, preforkd::StatsPage& stats,
                   std::shared_ptr<PostQueue> home)
    : streams_(streams),
      wheel_(wheel),
      limits_(limits),
      home_(std::move(home)),
      stats_(stats),
      random_(static_cast<std::minstd_rand::result_type>(streams.now().time_since_epoch().count())) {}

DataPath::~DataPath() {
  table_.for_each_used([](ConnectionImpl& connection) { connection.vacate(); });
}

void DataPath::admit(preforkd::UniqueFd fd, const sockaddr_storage& peer, const Entrance& entrance) {
  PeerAddress address;
  address.assign(peer);
  const bool through_proxy = entrance.proxy != ProxyProtocol::off && is_trusted(address, entrance);
  if (through_proxy) {
    peers_.enter_unlimited(address, limits_, streams_.now());
  } else if (entrance.proxy == ProxyProtocol::require) {
    add(stats_.connections_refused, 1);
    return log_peer(stranger_log_, address, {" refused: it is not of trusted_proxies"});
  } else if (!lets_in(address)) {
    return add(stats_.connections_refused, 1);
  }
  const ConnectionTable::Place place = table_.allocate();
  if (place.connection != nullptr) {
    if (place.connection->open(*this, place.id, std::move(fd), address, entrance, through_proxy)) return;
    table_.release(*place.connection);
  }
  peers_.leave(address, limits_);
  count_accept_failure();
}

std::uint64_t DataPath::adopt(preforkd::UniqueFd fd, const Entrance& entrance, const Luggage& luggage,
                              const std::function<bool()>& take_over) {
  const ConnectionTable::Place place = table_.allocate();
  if (place.connection == nullptr) return 0;
  peers_.enter_unlimited(luggage.peer, limits_, streams_.now());
  using Arrival = ConnectionImpl::Arrival;
  const Arrival arrival = place.connection->arrive(*this, place.id, std::move(fd), entrance, luggage, take_over);
  if (arrival != Arrival::not_begun) return arrival == Arrival::taken ? place.id : 0;
  table_.release(*place.connection);
  peers_.leave(luggage.peer, limits_);
  return 0;
}

bool DataPath::lets_in(const PeerAddress& peer) noexcept {
  const PeerLimiter::Verdict verdict = peers_.enter(peer, limits_, streams_.now());
  if (verdict == PeerLimiter::Verdict::admitted) return true;
  const bool many = verdict == PeerLimiter::Verdict::too_many;
  const std::size_t value = many ? limits_.max_connections_per_peer : limits_.max_connection_rate_per_peer;
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  log_peer(limit_log_, peer,
           {" refused: ",
            many ? "max_connections_per_peer" : "max_connection_rate_per_peer",
            " is ",
            {digits.data(), static_cast<std::size_t>(end - digits.data())}});
  return false;
}

void DataPath::log_bad_header(const PeerAddress& proxy, const char* wrong) noexcept {
  log_peer(header_log_, proxy, {" closed: instead of a header of the PROXY protocol it has sent ", wrong});
}

// "connection of ADDRESS" and `what`, now and then.
void DataPath::log_peer(LogThrottle& throttle, const PeerAddress& peer,
                        std::initializer_list<std::string_view> what) noexcept {
  if (!throttle.pass(streams_.now())) return;
  try {
    std::string line = "connection of " + peer.text(-1);
    for (const std::string_view part : what) line += part;
    log_line(LogLevel::notice, {line});
  } catch (const std::bad_alloc&) {
    log_line(LogLevel::notice, what);
  }
}

void DataPath::settle() {
  measure_turn();
  settle_queued();
  settle_late_input();
  messages_before_ = has_work() ? messages_ : 0;
  messages_ = 0;
}

// A client that pipelines thousands of small requests must not keep the others waiting: one connection gets as many
// messages per turn as its share of time allows. How long a message takes is known from the turn before; so no clock is
// read for a message.
void DataPath::measure_turn() noexcept {
  const TimePoint::duration took = streams_.now() - std::exchange(turn_began_, streams_.now());
  if (messages_before_ == 0) return;
  const auto affordable = connection_share * messages_before_ / std::max(took, TimePoint::duration(1));
  allowance_ = std::clamp<std::size_t>(affordable, 1, max_allowance);
}

// Only what is queued now: what these connections cause waits for the next turn, so that two of them cannot keep the
// loop from its events. Messages that are left wait in a queue of their own, because their time is limited: replies and
// closes of other connections are not to wait behind them.
void DataPath::settle_queued() {
  const ConnectionImpl* const last = queued_.last;
  for (bool more = last != nullptr; more;) {
    ConnectionImpl& connection = take_first(queued_);
    more = &connection != last;
    if (connection.has_late_input()) {
      append(late_input_, connection);
      continue;
    }
    connection.enqueued_ = false;
    connection.settle_turn();
  }
}

void DataPath::settle_late_input() {
  std::optional<TimePoint> end;
  while (late_input_.first != nullptr) {
    ConnectionImpl& connection = take_first(late_input_);
    connection.enqueued_ = false;
    const bool may_be_long = connection.has_late_input();  // not if it has ended meanwhile
    connection.settle_turn();
    if (!may_be_long) continue;
    // The time of the first of them is not known, and small.
    const TimePoint now = streams_.clock();
    if (!end) end = now + late_share;
    if (now >= *end) return;
  }
}

void DataPath::begin_drain(Mover* mover) {
  mover_ = mover;
  draining_ = true;
  drain_began_ = streams_.now();
  table_.for_each_used([](ConnectionImpl& connection) { connection.begin_drain(); });
}

void DataPath::serve_on() noexcept {
  mover_ = nullptr;
  draining_ = false;
  table_.for_each_used([](ConnectionImpl& connection) { connection.do_not_leave(); });
}

void DataPath::close_all(CloseReason busy, CloseReason idle) {
  at_once_ = true;
  table_.for_each_used([busy, idle](ConnectionImpl& connection) { connection.end_at_once(busy, idle); });
}

void DataPath::enqueue(ConnectionImpl& connection) noexcept {
  connection.mark_busy();
  if (!std::exchange(connection.enqueued_, true)) append(queued_, connection);
}

void DataPath::append(Queue& queue, ConnectionImpl& connection) noexcept {
  (queue.last != nullptr ? queue.last->next_ : queue.first) = &connection;
  queue.last = &connection;
}

ConnectionImpl& DataPath::take_first(Queue& queue) noexcept {
  ConnectionImpl& connection = *queue.first;
  queue.first = std::exchange(connection.next_, nullptr);
  if (queue.first == nullptr) queue.last = nullptr;
  return connection;
}

void DataPath::count_open(ActiveService& service) noexcept {
  ++service.connections;
  ++connections_;
  stats_.connections.store(connections_, std::memory_order_relaxed);
}

void DataPath::count_end(ActiveService& service) noexcept {
  --service.connections;
  --connections_;
  stats_.connections.store(connections_, std::memory_order_relaxed);
}

void DataPath::count_close(CloseReason reason) noexcept {
  const OwnCloseReasons& own = OwnCloseReasons::of_process();
  const auto index = own.index_of(reason);
  if (!index) return add(stats_.closes_by_reason.at(static_cast<std::size_t>(reason)), 1);
  preforkd::NamedCounter& counter = stats_.own_closes.at(*index);
  counter.set_name(own.name(*index));  // another server may have made it after this one began to run
  add(counter.value, 1);
}

}  // namespace prefork::internal
