// SPDX-License-Identifier: MIT
#include "master/pool/autoscale.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace preforkd {
namespace {

// A look that comes this late says nothing about the last moments.
constexpr Duration stale = 2 * Autoscale::busy_window;

unsigned step_of(const ScaleConfig& config, unsigned target) {
  if (const auto* const workers = std::get_if<unsigned>(&config.step)) return *workers;
  const double workers = std::ceil(std::get<double>(config.step) * static_cast<double>(target) - 1e-9);
  return std::max(1U, static_cast<unsigned>(workers));
}

bool is_last(const PoolLoad& load) { return load.target == 1; }

}  // namespace

void Autoscale::reset() {
  forget();
  soon_.reset();
  last_look_.reset();
  stirred_ = no_cpu_left_ = silent_ = false;
}

void Autoscale::stir(unsigned target, Instant now) {
  stirred_ = true;
  const Instant at = target == 0 ? now : now + config_.up / looks_until_up;
  soon_ = std::min(soon_.value_or(at), at);
}

std::optional<Instant> Autoscale::next_look() const {
  std::optional<Instant> next = soon_;
  const auto consider = [&](Instant at) { next = std::min(next.value_or(at), at); };
  if (pressed_ && may_grow_) consider(*last_look_ + config_.up / looks_until_up);
  if (window_) consider(window_->began + busy_window);
  if (quiet_) consider(quiet_->until);
  if (const auto slow = slow_look()) consider(*slow);
  return next;
}

bool Autoscale::needs_usage(const PoolLoad& load, Instant now) const {
  if (load.standing == Standing::changing) return false;
  // It begins again, or there is one worker, which costs nothing.
  if (load.target <= 1 || load.target != target_ || load.standing != standing_) return true;
  if (!window_ || window_ends(now)) return true;
  if (load.target > load.min && (!quiet_ || now >= quiet_->until)) return true;
  return pressed_for_long(now) && may_grow(load);
}

std::optional<ScaleDecision> Autoscale::look(const PoolLoad& load, Instant now) {
  const bool knows_usage = needs_usage(load, now);
  const bool occasion = std::exchange(soon_, std::nullopt).has_value();
  const Duration elapsed = last_look_ ? now - *last_look_ : stale;
  last_look_ = now;
  const bool is_other = std::exchange(standing_, load.standing) != load.standing || load.target != target_;
  if (is_other || load.standing == Standing::changing) forget();
  target_ = load.target;
  max_ = load.max;
  if (load.standing == Standing::changing) return std::nullopt;
  if (knows_usage) note_usage(load, now);
  count(load, elapsed, now);
  std::optional<ScaleDecision> decision = up(load, now);
  if (!decision) decision = down(load, occasion, now);
  if (!decision) look_on(now);
  return decision;
}

void Autoscale::forget() {
  pressed_.reset();
  window_.reset();
  quiet_.reset();
}

void Autoscale::count(const PoolLoad& load, Duration elapsed, Instant now) {
  const bool is_pressed = load.waiting >= config_.queue || load.or_more || load.full;
  if (!is_pressed) {
    pressed_.reset();
  } else if (!pressed_ || (!load.full && drains_soon(load, now))) {
    pressed_ = Pressed{now, load.waiting};
  }
  if (quiet_) quiet_->share.add(load);
  if (elapsed >= stale) no_cpu_left_ = false;
  if (!window_ || elapsed >= stale) return;
  window_->share.add(load);
  window_->cpu += load.cpu;
  const Duration past = now - window_->began;
  const double used = static_cast<double>(window_->cpu.count()) / static_cast<double>(past.count());
  if (past >= std::min(config_.up, busy_window) && load.time > Duration{0})
    no_cpu_left_ = used >= nearly_all_cpu * load.cpus;
}

void Autoscale::note_usage(const PoolLoad& load, Instant now) {
  Share share;
  share.add(load);
  if (slow_look() && share.value().value_or(0) >= seems_busy * *config_.busy) stirred_ = true;
  usage_known_at_ = now;
  silent_ = load.silent;
}

std::optional<Instant> Autoscale::slow_look() const {
  const bool could_grow = standing_ == Standing::steady && target_ > 0 && target_ < max_;
  if (!silent_ || !could_grow || window_ || !config_.busy) return std::nullopt;
  return usage_known_at_ + slow_interval;
}

// At the rate at which the queue has become shorter.
bool Autoscale::drains_soon(const PoolLoad& load, Instant now) const {
  if (load.waiting >= pressed_->waiting) return false;
  return (now - pressed_->since) * load.waiting / (pressed_->waiting - load.waiting) <= soon_drained;
}

void Autoscale::look_on(Instant now) {
  if (window_ends(now)) window_.reset();
  if (window_ || !(stirred_ || pressed_)) return;
  stirred_ = false;
  window_ = Window{.began = now, .share = {}, .cpu = {}};
}

std::optional<ScaleDecision> Autoscale::up(const PoolLoad& load, Instant now) {
  if (load.target == 0) {
    if (load.waiting == 0 || load.max == 0) return std::nullopt;
    return grow(load, ScaleReason::waiting, now, now);
  }
  may_grow_ = may_grow(load);
  if (!may_grow_) return std::nullopt;
  if (pressed_for_long(now))
    return grow(load, load.full ? ScaleReason::full : ScaleReason::waiting, pressed_->since, now);
  if (!config_.busy || no_cpu_left_ || !window_ends(now)) return std::nullopt;
  if (window_->share.value().value_or(0) < *config_.busy) return std::nullopt;
  return grow(load, ScaleReason::busy, window_->began, now);
}

bool Autoscale::may_grow(const PoolLoad& load) const {
  return load.standing == Standing::steady && load.target < load.max && (load.full || !no_cpu_left_);
}

std::optional<ScaleDecision> Autoscale::down(const PoolLoad& load, bool occasion, Instant now) {
  if (load.target <= load.min) {
    quiet_.reset();
    return std::nullopt;
  }
  const bool is_needed = is_last(load) ? occasion || load.waiting > 0
                                       : pressed_for_long(now) ||
                                             (window_ends(now) && !others_can_do(window_->share.value(), load.target));
  if (!quiet_ || is_needed) begin_quiet(load, now);
  return now >= quiet_->until ? end_of_quiet(load, now) : std::nullopt;
}

std::optional<ScaleDecision> Autoscale::end_of_quiet(const PoolLoad& load, Instant now) {
  const std::optional<double> share = quiet_->share.value();
  const bool is_quiet = is_last(load) ? share.value_or(0) <= idle_share : others_can_do(share, load.target);
  if (is_quiet && load.may_shrink) return shrink(load, now);
  if (!is_quiet || is_last(load)) {
    begin_quiet(load, now);
  } else {
    quiet_->until = now + std::clamp<Duration>(config_.down / 8, std::chrono::seconds(1), std::chrono::minutes(1));
  }
  return std::nullopt;
}

ScaleDecision Autoscale::grow(const PoolLoad& load, ScaleReason reason, Instant since, Instant now) {
  const bool regrets = last_down_ && now - *last_down_ <= config_.down;
  if (regrets && load.target > 0) patience_ = std::min(2 * patience_, max_patience);
  last_down_.reset();
  downs_ = 0;
  const unsigned room = load.max - load.target;
  ScaleDecision decision{.target = load.target + std::min(step_of(config_, load.target), room),
                         .reason = reason,
                         .waiting = load.waiting,
                         .or_more = load.or_more,
                         .busy = window_ ? window_->share.value() : std::nullopt,
                         .over = now - since};
  forget();
  target_ = decision.target;
  return decision;
}

ScaleDecision Autoscale::shrink(const PoolLoad& load, Instant now) {
  if (++downs_ > 2) patience_ = std::max(patience_ / 2, 1);
  last_down_ = now;
  const ScaleDecision decision{.target = load.target - 1,
                               .reason = is_last(load) ? ScaleReason::idle : ScaleReason::quiet,
                               .waiting = load.waiting,
                               .busy = quiet_->share.value(),
                               .over = now - quiet_->since};
  forget();
  target_ = decision.target;
  PoolLoad after = load;
  after.target = decision.target;
  if (after.target > after.min) begin_quiet(after, now);
  return decision;
}

void Autoscale::begin_quiet(const PoolLoad& load, Instant now) {
  quiet_ =
      Quiet{.since = now, .until = now + (is_last(load) ? config_.idle_for : config_.down * patience_), .share = {}};
}

bool Autoscale::others_can_do(std::optional<double> share, unsigned target) const {
  if (!config_.busy || !share) return true;
  return *share * target / (target - 1) < enough * *config_.busy;
}

}  // namespace preforkd
