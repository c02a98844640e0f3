// SPDX-License-Identifier: MIT
#include "client/bench/bench.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <string>
#include <system_error>

#include "base/unique_fd.hpp"
#include "client/bench/bench_connection.hpp"
#include "client/bench/cpu_meter.hpp"
#include "client/bench/loopback_sources.hpp"
#include "client/bench/request_pattern.hpp"
#include "client/bench/request_schedule.hpp"
#include "client/bench/stop_signals.hpp"

namespace preforkd::client {

using namespace std::chrono_literals;

namespace {

constexpr nanoseconds tick = 20ms;
constexpr nanoseconds retry_delay = 10ms;
constexpr std::uint32_t max_connecting = 128;  // fits the accept queue of any server worth measuring

// Raises this process's soft limit as far as `connections` need it. Throws std::system_error if the hard limit is too
// low.
void need_descriptors(std::uint32_t connections) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t needed = rlim_t{connections} + 32;
  if (limit.rlim_cur >= needed) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= needed) return;
  throw std::system_error(
      EMFILE, std::generic_category(),
      std::to_string(connections) + " connections, descriptors allowed: " + std::to_string(limit.rlim_max));
}

}  // namespace

// One thread and one epoll. Each turn first does what may be done now (connect, send what is due), then waits, then
// handles what arrived. Only the first step connects, so that an event never meets a newer connection than its own. A
// scan every `tick` checks the time-outs, which is exact enough and costs requests nothing.
class Bench {
 public:
  Bench(const BenchOptions& options, const Address& target, const std::function<void(std::uint32_t)>& holding);

  BenchResult run();

 private:
  using Mode = BenchOptions::Mode;
  struct Slot {
    Slot(std::uint32_t number, std::size_t depth) : connection(number, depth) {}
    BenchConnection connection;
    nanoseconds connect_since{};  // of the attempt under way; 0: none
    nanoseconds request_start{};  // churn: when the request, for which it connects, was due
    nanoseconds retry_at{};       // closed: not before
    bool asked = false;           // open: its one request was sent
    bool decided = false;         // see untried_
  };

  // What may be done now.
  void advance();
  void begin_measuring();
  void fill(Slot& slot);
  void send_due();
  [[nodiscard]] bool may_ask() const;
  nanoseconds take_turn();

  // What came.
  void wait();
  void on_event(Slot& slot, std::uint32_t events);
  void on_replies(Slot& slot);

  // Connections are made, fail and are made again.
  void connect_some();
  void connect_slot(Slot& slot);
  void on_open(Slot& slot);
  void fail(Slot& slot, const Ending& ending);
  void release(Slot& slot, nanoseconds retry_at);
  void decide(Slot& slot);
  void check_timeouts();

  // How it ends.
  void check_stop();
  [[nodiscard]] bool settled() const { return untried_ == 0; }
  [[nodiscard]] std::uint32_t open_connections() const;

  const BenchOptions& options_;
  const std::function<void(std::uint32_t)>& holding_;
  StopSignals signals_;
  Address target_;
  LoopbackSources sources_;
  RequestSchedule schedule_;
  RequestPattern pattern_;
  std::vector<char> buffer_;
  UniqueFd epoll_;
  std::vector<Slot> slots_;
  std::deque<std::uint32_t> closed_;  // slots to connect, in the order in which they may connect
  BenchResult result_;
  nanoseconds now_{};
  nanoseconds next_scan_{};
  nanoseconds stop_at_ = nanoseconds::max();
  nanoseconds cpu_before_{};
  std::uint32_t connecting_ = 0;
  std::uint32_t untried_;          // slots whose first connection (in mode open also the first reply) is not decided
  std::uint64_t outstanding_ = 0;  // requests begun and neither answered nor lost
  std::size_t cursor_ = 0;         // rate: the next slot
  bool measuring_ = false;
  bool stopping_ = false;
};

Bench::Bench(const BenchOptions& options, const Address& target, const std::function<void(std::uint32_t)>& holding)
    : options_(options),
      holding_(holding),
      target_(target),
      sources_(target_),
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

// The clock starts when every connection was established or has failed once: mode steady does not measure connecting.
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

// Gives due requests to the connections in turn, one each, as long as one has room.
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
    // In mode churn the connection is done after its reply; how the server closes it then does not matter.
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

void Bench::connect_some() {
  while (!closed_.empty() && !stopping_) {
    Slot& slot = slots_[closed_.front()];
    if (slot.retry_at > now_) return;
    if (options_.mode == Mode::churn ? !may_ask() && slot.connect_since == 0ns : connecting_ >= max_connecting) return;
    closed_.pop_front();
    connect_slot(slot);
  }
}

void Bench::connect_slot(Slot& slot) {
  if (slot.connect_since == 0ns) {
    slot.connect_since = now_;
    if (options_.mode == Mode::churn) slot.request_start = take_turn();
  }
  const auto source = options_.mode == Mode::steady ? std::nullopt : sources_.next();
  if (const auto ending = slot.connection.connect(target_, source)) return fail(slot, *ending);
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
      fail(slot, {FailureKind::connect_timeout, "no answer within " + format_time_span(options_.connect_timeout)});
    } else if (connection.in_flight() > 0 && now_ - connection.oldest_request() > options_.reply_timeout) {
      fail(slot, {FailureKind::reply_timeout, "no reply within " + format_time_span(options_.reply_timeout)});
    }
  }
}

Result<BenchResult> run_bench(const BenchOptions& options, const std::function<void(std::uint32_t)>& holding) {
  const Result<Address> target = choose_address(options.address, options.connect_timeout);
  if (!target) return Failure(target.error());
  return Bench(options, *target, holding).run();
}

}  // namespace preforkd::client
