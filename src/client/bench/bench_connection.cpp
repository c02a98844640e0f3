// SPDX-License-Identifier: MIT
#include "client/bench/bench_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/errors.hpp"

namespace preforkd::client {
namespace {

Ending connect_ending(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ENOENT:
      return {FailureKind::connect_refused, errno_text(error)};
    case ETIMEDOUT:
      return {FailureKind::connect_timeout, errno_text(error)};
    default:
      return {FailureKind::connect_failed, errno_text(error)};
  }
}

}  // namespace

BenchConnection::BenchConnection(std::uint32_t number, std::size_t depth) : number_(number), started_(depth) {}

std::optional<Ending> BenchConnection::connect(const Address& target, const std::optional<Address>& source) {
  ConnectAttempt attempt = begin_connect(target, source);
  if (attempt.error == EAGAIN && target.family() == AF_UNIX) return std::nullopt;
  if (attempt.error != 0 && attempt.error != EINPROGRESS) return connect_ending(attempt.error);
  socket_ = std::move(attempt.socket);
  state_ = attempt.error == 0 ? State::open : State::connecting;
  return std::nullopt;
}

std::optional<Ending> BenchConnection::connected() {
  if (const int error = connect_result(fd()); error != 0) return connect_ending(error);
  state_ = State::open;
  return std::nullopt;
}

std::size_t BenchConnection::close() noexcept {
  const std::size_t lost = in_flight_;
  socket_.reset();
  state_ = State::closed;
  head_ = in_flight_ = reply_offset_ = sent_ = 0;
  out_.clear();
  return lost;
}

void BenchConnection::request(RequestPattern& pattern, nanoseconds started) {
  pattern.append_request(out_, number_, next_sequence_++);
  started_[(head_ + in_flight_++) % started_.size()] = started;
}

std::optional<Ending> BenchConnection::flush() {
  while (sent_ < out_.size()) {
    const ssize_t size = send(fd(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return std::nullopt;
    if (size < 0) return Ending{FailureKind::reset, errno_text(errno)};
    sent_ += static_cast<std::size_t>(size);
  }
  out_.clear();
  sent_ = 0;
  return std::nullopt;
}

std::optional<Ending> BenchConnection::receive(RequestPattern& pattern, std::span<char> buffer, Histogram& times,
                                               bool to_end) {
  for (;;) {
    const ssize_t size = recv(fd(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return std::nullopt;
    if (size < 0) return Ending{FailureKind::reset, errno_text(errno)};
    if (size == 0) return Ending{in_flight_ > 0 ? FailureKind::closed_early : FailureKind::closed_idle, "end of file"};
    if (auto ending = check(pattern, {buffer.data(), static_cast<std::size_t>(size)}, times)) return ending;
    if (!to_end && static_cast<std::size_t>(size) < buffer.size()) return std::nullopt;
  }
}

std::optional<Ending> BenchConnection::check(RequestPattern& pattern, std::string_view bytes, Histogram& times) {
  const nanoseconds now = monotonic_now();
  while (!bytes.empty()) {
    if (in_flight_ == 0) return Ending{FailureKind::wrong_reply, "bytes without a request"};
    const std::uint64_t sequence = next_sequence_ - in_flight_;
    const std::string_view part = bytes.substr(0, pattern.reply_size() - reply_offset_);
    if (const std::size_t at = pattern.mismatch(number_, sequence, reply_offset_, part); at < part.size()) {
      return Ending{FailureKind::wrong_reply, "reply to request " + std::to_string(sequence) + " is wrong at byte " +
                                                  std::to_string(reply_offset_ + at)};
    }
    bytes.remove_prefix(part.size());
    reply_offset_ += part.size();
    if (reply_offset_ < pattern.reply_size()) break;
    reply_offset_ = 0;
    times.record(static_cast<std::uint64_t>(std::max(now - started_[head_], nanoseconds(0)).count()));
    head_ = (head_ + 1) % started_.size();
    --in_flight_;
  }
  return std::nullopt;
}

}  // namespace preforkd::client
