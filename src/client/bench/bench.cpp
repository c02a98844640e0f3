// SPDX-License-Identifier: MIT
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "client/bench/bench_run.hpp"
#include "client/bench/cpu_meter.hpp"

namespace preforkd::client {

using namespace std::chrono_literals;

Bench::Bench(const BenchOptions& options, const std::function<void(std::uint32_t)>& holding)
    : options_(options),
      holding_(holding),
      endpoint_(choose_endpoint(options.address, options.connect_timeout)),
      sources_(endpoint_),
      schedule_(options.rate, options.requests),
      pattern_(options.size),
      buffer_(std::size_t{256} * 1024),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      result_(options.failures_kept),
      untried_(options.connections) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll");
  need_descriptors(options.connections);
  slots_.reserve(options.connections);
  for (std::uint32_t number = 0; number < options.connections; ++number) {
    slots_.emplace_back(number, options.depth);
    closed_.push_back(number);
  }
}

BenchResult Bench::run() {
  now_ = monotonic_now();
  while (!stopping_ || outstanding_ > 0) {
    advance();
    wait();
    now_ = monotonic_now();
    if (now_ >= next_scan_) check_timeouts();
    check_stop();
  }
  result_.elapsed = monotonic_now() - result_.began;
  if (!options_.cpu_of.empty()) result_.cpu = cpu_time_of(options_.cpu_of) - cpu_before_;
  result_.open_at_end = open_connections();
  return std::move(result_);
}

std::uint32_t Bench::open_connections() const {
  const auto open = [](const Slot& slot) { return slot.connection.state() == BenchConnection::State::open; };
  return static_cast<std::uint32_t>(std::count_if(slots_.begin(), slots_.end(), open));
}

void Bench::advance() {
  if (!measuring_ && (settled() || options_.mode != Mode::steady)) begin_measuring();
  connect_some();
  if (schedule_.paced() && options_.mode != Mode::churn) send_due();
}

// The clock starts when every connection is made or has failed once: connecting is not what mode steady measures.
void Bench::begin_measuring() {
  measuring_ = true;
  result_.began = now_;
  schedule_.begin(now_);
  if (!options_.cpu_of.empty()) cpu_before_ = cpu_time_of(options_.cpu_of);
  if (options_.duration && options_.mode != Mode::open) stop_at_ = now_ + *options_.duration;
  if (options_.mode != Mode::steady) return;
  if (result_.connects == 0) stopping_ = true;
  if (schedule_.paced()) return;
  for (Slot& slot : slots_) {
    if (slot.connection.state() == BenchConnection::State::open) fill(slot);
  }
}

bool Bench::may_ask() const { return measuring_ && !stopping_ && schedule_.is_due(now_); }

nanoseconds Bench::take_turn() {
  ++outstanding_;
  return schedule_.take(now_);
}

void Bench::fill(Slot& slot) {
  if (options_.mode == Mode::open) {
    if (slot.asked) return;
    slot.asked = true;
    slot.connection.request(pattern_, take_turn());
  } else {
    while (slot.connection.room() > 0 && may_ask()) slot.connection.request(pattern_, take_turn());
  }
  if (const auto ending = slot.connection.flush()) fail(slot, *ending);
}

// Gives the requests that are due to the connections in turn, one each, as long as one has room.
void Bench::send_due() {
  for (std::size_t passed = 0; passed < slots_.size() && may_ask();) {
    Slot& slot = slots_[cursor_];
    cursor_ = (cursor_ + 1) % slots_.size();
    if (slot.connection.state() != BenchConnection::State::open || slot.connection.room() == 0) {
      ++passed;
      continue;
    }
    passed = 0;
    slot.connection.request(pattern_, take_turn());
    if (const auto ending = slot.connection.flush()) fail(slot, *ending);
  }
}

void Bench::wait() {
  if (stopping_ && outstanding_ == 0) return;
  nanoseconds until = std::min(next_scan_, stop_at_);
  if (schedule_.paced() && measuring_ && !stopping_ && schedule_.next_due() > now_) {
    until = std::min(until, schedule_.next_due());
  }
  if (!closed_.empty() && !stopping_) until = std::min(until, std::max(slots_[closed_.front()].retry_at, now_ + 1ms));
  const nanoseconds left = std::max(until - now_, 0ns);
  const timespec timeout{static_cast<time_t>(left / 1s), static_cast<long>((left % 1s).count())};
  std::array<epoll_event, 512> events;
  const int count =
      epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, &signals_.wait_mask());
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_pwait2");
  now_ = monotonic_now();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    on_event(slots_[event.data.u32], event.events);
  }
}

void Bench::on_event(Slot& slot, std::uint32_t events) {
  BenchConnection& connection = slot.connection;
  if (connection.state() == BenchConnection::State::connecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    --connecting_;
    if (const auto ending = connection.connected()) return fail(slot, *ending);
    on_open(slot);
  }
  if (connection.state() == BenchConnection::State::open && (events & ~std::uint32_t{EPOLLOUT}) != 0) {
    const std::size_t before = connection.in_flight();
    const bool to_end = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    const auto ending = connection.receive(pattern_, buffer_, result_.times, to_end);
    outstanding_ -= before - connection.in_flight();
    const bool answered = connection.in_flight() < before;
    // A churning connection's work is done with its reply; how the server's side ends then does not matter.
    if (ending && !(answered && options_.mode == Mode::churn && ending->kind == FailureKind::closed_idle)) {
      return fail(slot, *ending);
    }
    if (answered) return on_replies(slot);
  }
  if (connection.state() == BenchConnection::State::open && (events & EPOLLOUT) != 0) {
    if (const auto ending = connection.flush()) fail(slot, *ending);
  }
}

void Bench::on_replies(Slot& slot) {
  switch (options_.mode) {
    case Mode::steady:
      if (!schedule_.paced()) return fill(slot);
      if (const auto ending = slot.connection.flush()) fail(slot, *ending);
      return;
    case Mode::churn:
      return release(slot, now_);
    case Mode::open:
      decide(slot);
  }
}

void Bench::check_stop() {
  if (options_.mode == Mode::open && measuring_ && settled() && stop_at_ == nanoseconds::max()) {
    stop_at_ = options_.duration ? now_ + *options_.duration : nanoseconds::max() - 1ns;
    holding_(open_connections());
  }
  const bool spent = options_.mode != Mode::open && schedule_.spent();
  if (now_ >= stop_at_ || spent || signals_.count() > 0) stopping_ = true;
  if (signals_.count() > 1) outstanding_ = 0;
}

BenchResult run_bench(const BenchOptions& options, const std::function<void(std::uint32_t)>& holding) {
  return Bench(options, holding).run();
}

}  // namespace preforkd::client
