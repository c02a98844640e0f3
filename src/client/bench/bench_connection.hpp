// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/base/connect.hpp"
#include "client/bench/failure_log.hpp"
#include "client/bench/histogram.hpp"
#include "client/bench/request_pattern.hpp"

namespace preforkd::client {

// Why a connection ended.
struct Ending {
  FailureKind kind{};
  std::string reason;
};

// One connection of the benchmark: its socket, the requests in flight and the check of the replies. It may connect
// again after its end; its numbers continue, so that no request is ever repeated. It knows neither epoll nor the
// schedule.
class BenchConnection {
 public:
  enum class State : std::uint8_t { closed, connecting, open };

  // At most `depth` requests are in flight.
  BenchConnection(std::uint32_t number, std::size_t depth);

  // Begins to connect, from `source` if given; state() is then connecting or open. If it stays closed, returns why;
  // nullopt then means that a UNIX listener's queue is full, and that the caller should try again soon.
  [[nodiscard]] std::optional<Ending> connect(const Address& target, const std::optional<Address>& source);
  // The socket of a connecting one has become writable.
  [[nodiscard]] std::optional<Ending> connected();
  // Closes the socket and forgets the requests in flight. Returns their number.
  std::size_t close() noexcept;

  // Adds one request, whose time counts from `started`, to the next flush(). Requires state open and in_flight() <
  // depth.
  void request(RequestPattern& pattern, nanoseconds started);
  // Sends what is queued, as far as the socket takes it.
  [[nodiscard]] std::optional<Ending> flush();
  // Reads into `buffer`, checks the replies and records the time of each complete one. Without `to_end` it stops at a
  // short read, because an edge-triggered epoll reports when more arrives; with it, at an empty socket or at its end.
  [[nodiscard]] std::optional<Ending> receive(RequestPattern& pattern, std::span<char> buffer, Histogram& times,
                                              bool to_end);

  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] std::size_t room() const noexcept { return started_.size() - in_flight_; }
  // When the oldest request in flight began. Requires in_flight() > 0.
  [[nodiscard]] nanoseconds oldest_request() const noexcept { return started_[head_]; }

 private:
  [[nodiscard]] std::optional<Ending> check(RequestPattern& pattern, std::string_view bytes, Histogram& times);

  std::uint32_t number_;
  State state_ = State::closed;
  UniqueFd socket_;
  std::vector<nanoseconds> started_;  // ring of the requests in flight, the oldest at head_
  std::size_t head_ = 0;
  std::size_t in_flight_ = 0;
  std::uint64_t next_sequence_ = 0;
  std::size_t reply_offset_ = 0;  // bytes received of the oldest request's reply, all correct
  std::string out_;
  std::size_t sent_ = 0;
};

}  // namespace preforkd::client
