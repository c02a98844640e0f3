// SPDX-License-Identifier: MIT
#include "worker/hand_over/hand_over.hpp"

#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/connection/framing_values.hpp"

namespace prefork::internal {

namespace control = preforkd::control;
namespace transfer = preforkd::transfer;

namespace {

constexpr std::chrono::seconds seek_time{5};  // for Give or NoTaker, also if systemd must start a next master first

// FNV-1a.
class Fingerprint {
 public:
  void add(std::string_view bytes) noexcept {
    for (const char byte : bytes) add_byte(static_cast<unsigned char>(byte));
    add_byte(0xFF);
  }
  void add(std::uint64_t number) noexcept {
    for (unsigned shift = 0; shift < 64; shift += 8) add_byte(static_cast<unsigned char>(number >> shift));
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

 private:
  void add_byte(unsigned char byte) noexcept { value_ = (value_ ^ byte) * 0x100000001B3U; }
  std::uint64_t value_ = 0xCBF29CE484222325U;
};

void log_failure(const char* what) noexcept {
  try {
    throw;
  } catch (const std::exception& error) {
    log_line(LogLevel::error, {what, error.what()});
  }
}

}  // namespace

std::uint64_t framing_fingerprint(const std::list<ServiceSetup>& services) noexcept {
  Fingerprint fingerprint;
  for (const ServiceSetup& service : services) {
    const FramingValues& framing = service.framing.impl().values;
    fingerprint.add(service.name);
    fingerprint.add(static_cast<std::uint64_t>(framing.kind));
    fingerprint.add(static_cast<std::uint64_t>(framing.endian));
    fingerprint.add(framing.width);
    fingerprint.add(framing.offset);
    fingerprint.add(static_cast<std::uint64_t>(framing.adjustment));
    fingerprint.add(framing.delimiter);
  }
  return fingerprint.value();
}

HandOver::HandOver(EventLoop& loop, TimerWheel& wheel, DataPath& path, const std::deque<Entrance>& entrances,
                   bool moves, preforkd::UniqueFd control_fd, Callbacks callbacks)
    : loop_(loop),
      wheel_(wheel),
      path_(path),
      entrances_(entrances),
      moves_(moves),
      callbacks_(std::move(callbacks)),
      link_(loop, std::move(control_fd), static_cast<MasterObserver&>(*this)) {}

HandOver::~HandOver() {
  wheel_.cancel(*this);
  if (giver_) end_giving();
}

void HandOver::say_hello(std::uint64_t framing) noexcept {
  if (moves_) link_.send(control::Hello{.framing = framing});
}

Mover* HandOver::begin_drain() {
  link_.read();
  leaving_ = true;
  for (Taker& taker : takers_) taker.refuse_all();
  if (giver_) end_giving();  // of a rebalance
  if (!moves_ || master_gone_ || path_.connections() == 0) return nullptr;
  if (offered_) begin_giving(std::move(offered_));
  if (!giver_) seek();
  return this;
}

void HandOver::settle() {
  std::erase_if(takers_, [](const Taker& taker) { return taker.ended(); });
  if (!giver_ || !giver_->ended()) return;
  const bool failed = giver_->failed();
  end_giving();
  if (!leaving_ || !failed) return;
  if (path_.connections() == 0) return;
  if (++failures_ == transfer::max_takers) return on_no_taker_left();
  seek();
}

void HandOver::seek() {
  if (master_gone_) return on_no_taker_left();
  seeking_ = true;
  link_.send(control::Seeks{static_cast<std::uint32_t>(path_.connections())});
  wheel_.arm(*this, loop_.now() + seek_time);
}

void HandOver::stop() {
  seeking_ = false;
  if (giver_) end_giving();
}

void HandOver::on_give(const control::Give& give, preforkd::UniqueFd socket) {
  if (!moves_) return;
  if (give.max > 0) {
    if (leaving_ || giver_) return;
    begin_giving(std::move(socket));
    if (giver_) return give_resting(give.max);
    link_.send(control::Gave{});
  } else if (std::exchange(seeking_, false)) {
    wheel_.cancel(*this);
    begin_giving(std::move(socket));
    if (!giver_) return on_no_taker_left();
    path_.begin_drain(this);
  } else if (!leaving_) {
    offered_ = std::move(socket);
  }
}

void HandOver::begin_giving(preforkd::UniqueFd socket) {
  try {
    giver_.emplace(loop_, wheel_, path_, std::move(socket));
  } catch (const std::exception&) {
    log_failure("cannot hand connections over: ");
  }
}

void HandOver::give_resting(std::uint32_t max) {
  std::uint32_t left = max;
  path_.table().for_each_used([&](ConnectionImpl& connection) {
    if (left == 0 || !connection.rests() || !connection.may_move()) return;
    --left;
    giver_->offer(connection);
  });
  giver_->close();
}

void HandOver::end_giving() {
  Giver& giver = *giver_;
  giver.stop();
  refusal_of_all_ = giver.refusal_of_all();
  link_.send(control::Gave{.moved = giver.moved(), .refused = giver.refused()});
  giver_.reset();
}

void HandOver::offer(ConnectionImpl& connection) noexcept {
  if (giver_) giver_->offer(connection);
}

void HandOver::on_take(preforkd::UniqueFd socket) {
  try {
    if (moves_ && !leaving_) takers_.emplace_back(loop_, path_, entrances_, std::move(socket));
  } catch (const std::exception&) {
    log_failure("cannot take connections over: ");
  }
}

void HandOver::on_no_taker() {
  if (std::exchange(seeking_, false)) on_no_taker_left();
}

void HandOver::on_timer() { on_no_taker(); }

void HandOver::on_no_taker_left() {
  wheel_.cancel(*this);
  // Those that were not counted one by one. Without a giver that has tried, the master knows why.
  control::Gave left;
  if (failures_ > 0) {
    std::uint32_t& count = left.refused[static_cast<std::size_t>(refusal_of_all_.value_or(transfer::Refusal::failed))];
    path_.table().for_each_used(
        [&](const ConnectionImpl& connection) { count += connection.may_move() && !connection.was_refused() ? 1 : 0; });
    link_.send(left);
  }
  callbacks_.on_no_taker();
}

void HandOver::on_master_gone() {
  master_gone_ = true;
  on_no_taker();
  callbacks_.on_master_gone();
}

}  // namespace prefork::internal
