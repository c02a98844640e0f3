// SPDX-License-Identifier: MIT
#include "worker/service/service_status.hpp"

#include <cerrno>
#include <new>
#include <utility>

#include "base/counted.hpp"
#include "base/process_title.hpp"

namespace prefork::internal {

namespace {

constexpr std::chrono::seconds pause_between{1};

}  // namespace

ServiceStatus::ServiceStatus(const EventLoop& loop, TimerWheel& wheel, ServiceNotify notify, std::string label)
    : loop_(loop), wheel_(wheel), notify_(std::move(notify)), label_(std::move(label)) {
  if (label_.empty()) return;
  preforkd::adopt_process_title();
  preforkd::set_process_name(label_);
  show_title();
}

ServiceStatus::~ServiceStatus() { wheel_.cancel(*this); }

void ServiceStatus::ready() noexcept {
  phase_ = Phase::ready;
  told_at_ = loop_.now();
  text_changed_ = false;
  notify_.ready(renew_told());
  show_title();
}

void ServiceStatus::stopping() noexcept {
  phase_ = Phase::draining;
  told_at_ = loop_.now();
  text_changed_ = false;
  notify_.stopping(renew_told());
  show_title();
}

void ServiceStatus::set_text(std::string_view text) {
  text_ = text;
  text_changed_ = true;
}

void ServiceStatus::change(std::size_t connections) noexcept {
  connections_ = connections;
  text_changed_ = false;
  if (armed()) return;
  const EventLoop::TimePoint next = told_at_ ? *told_at_ + pause_between : loop_.now();
  if (next <= loop_.now()) return tell();
  wheel_.arm(*this, next);
}

void ServiceStatus::on_timer() { tell(); }

void ServiceStatus::tell() noexcept {
  told_at_ = loop_.now();
  show_title();
  try {
    std::string status = status_text();
    if (status == told_) return;
    told_ = std::move(status);
  } catch (const std::bad_alloc&) {
    return;
  }
  notify_.status(told_);
}

const std::string& ServiceStatus::renew_told() noexcept {
  try {
    told_ = status_text();
  } catch (const std::bad_alloc&) {
    told_.clear();
  }
  return told_;
}

std::string ServiceStatus::status_text() const {
  const std::string text = text_.empty() ? preforkd::counted(connections_, "connection") : text_;
  return phase_ == Phase::draining ? "draining, " + text : text;
}

void ServiceStatus::show_title() noexcept {
  if (label_.empty()) return;
  try {
    preforkd::set_process_title(title());
  } catch (const std::bad_alloc&) {
    // The title stays.
  }
}

std::string ServiceStatus::title() const {
  std::string title = std::string(::program_invocation_short_name) + ": " + label_;
  if (phase_ == Phase::starting) return title + " starting";
  title += phase_ == Phase::ready ? " ready, " : " draining, ";
  return title + preforkd::counted(connections_, "connection");
}

}  // namespace prefork::internal
