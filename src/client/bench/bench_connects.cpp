// SPDX-License-Identifier: MIT
#include <sys/epoll.h>

#include <cerrno>
#include <system_error>

#include "client/bench/bench_run.hpp"

namespace preforkd::client {

using namespace std::chrono_literals;

namespace {
constexpr nanoseconds tick = 20ms;
constexpr nanoseconds retry_delay = 10ms;
constexpr std::uint32_t most_connecting = 128;  // fits the accept queue of any server worth measuring
}  // namespace

void Bench::connect_some() {
  while (!closed_.empty() && !stopping_) {
    Slot& slot = slots_[closed_.front()];
    if (slot.retry_at > now_) return;
    if (options_.mode == Mode::churn ? !may_ask() && slot.connect_since == 0ns : connecting_ >= most_connecting) return;
    closed_.pop_front();
    connect_slot(slot);
  }
}

void Bench::connect_slot(Slot& slot) {
  if (slot.connect_since == 0ns) {
    slot.connect_since = now_;
    if (options_.mode == Mode::churn) slot.request_start = take_turn();
  }
  const auto source = options_.mode == Mode::churn ? sources_.next() : std::nullopt;
  if (const auto ending = slot.connection.connect(endpoint_, source)) return fail(slot, *ending);
  if (slot.connection.state() == BenchConnection::State::closed) {
    if (now_ - slot.connect_since > options_.connect_timeout) {
      return fail(slot, {FailureKind::connect_timeout, "the server's queue stayed full"});
    }
    slot.retry_at = now_ + 1ms;
    closed_.push_back(slot.connection.number());
    return;
  }
  epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u32 = slot.connection.number()}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot.connection.fd(), &event) < 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
  if (slot.connection.state() == BenchConnection::State::open) return on_open(slot);
  ++connecting_;
}

void Bench::on_open(Slot& slot) {
  ++result_.connects;
  slot.connect_since = 0ns;
  if (options_.mode == Mode::steady) decide(slot);
  if (options_.mode == Mode::churn) {
    slot.connection.request(pattern_, slot.request_start);
    if (const auto ending = slot.connection.flush()) fail(slot, *ending);
  } else if (measuring_ && (!schedule_.paced() || options_.mode == Mode::open)) {
    fill(slot);
  }
}

void Bench::fail(Slot& slot, const Ending& ending) {
  const bool was_connecting = slot.connect_since != 0ns;
  std::size_t lost = slot.connection.close();
  if (options_.mode == Mode::churn && was_connecting) lost = 1;
  outstanding_ -= lost;
  result_.failures.add({monotonic_now(), slot.connection.number(), ending.kind, lost, ending.reason});
  decide(slot);
  slot.connect_since = 0ns;
  if (options_.mode != Mode::open) release(slot, was_connecting ? now_ + retry_delay : now_);
}

void Bench::release(Slot& slot, nanoseconds retry_at) {
  slot.connection.close();
  slot.connect_since = 0ns;
  slot.retry_at = retry_at;
  closed_.push_back(slot.connection.number());
}

void Bench::decide(Slot& slot) {
  if (!slot.decided) --untried_;
  slot.decided = true;
}

void Bench::check_timeouts() {
  next_scan_ = now_ + tick;
  for (Slot& slot : slots_) {
    const BenchConnection& connection = slot.connection;
    if (connection.state() == BenchConnection::State::connecting &&
        now_ - slot.connect_since > options_.connect_timeout) {
      --connecting_;
      fail(slot, {FailureKind::connect_timeout, "no answer within " + format_span(options_.connect_timeout)});
    } else if (connection.in_flight() > 0 && now_ - connection.oldest_request() > options_.reply_timeout) {
      fail(slot, {FailureKind::reply_timeout, "no reply within " + format_span(options_.reply_timeout)});
    }
  }
}

}  // namespace preforkd::client
