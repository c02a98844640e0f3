// SPDX-License-Identifier: MIT
#include <prefork/server.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/journal_fields.hpp"
#include "worker/base/log.hpp"
#include "worker/connection/own_close_reasons.hpp"
#include "worker/server_impl.hpp"
#include "worker/worker_run.hpp"

namespace prefork {
inline namespace v0 {

using internal::log_line;

Server::Impl::Impl()
    : wheel(loop.now()),
      posts(std::make_shared<internal::PostQueue>(loop, errors)),
      signals(loop),
      timers(loop, wheel, errors),
      watches(loop, errors),
      given(preforkd::worker_env::decode()),
      settings(given ? given->settings : std::string()),
      statistics(preforkd::UniqueFd(given ? std::exchange(given->stats_fd, -1) : -1)) {
  preforkd::worker_env::unset_all();
  if (!given || !given->member) return;
  identity = {given->member->pool, given->member->slot, given->member->generation};
  label = preforkd::worker_identifier(identity.pool, identity.slot);
  internal::set_log_name(label);
}

int Server::Impl::run() {
  before_run("run");
  if (loop.is_copy()) throw std::logic_error("Server::run() was called in a forked child: make the Server there");
  set_running(true);
  const internal::LeavingSignalsUnblocked unblocked;
  // The next run() begins without a reason to leave, also if this one cannot start.
  struct Guard {
    Impl& server;
    ~Guard() {
      server.set_running(false);
      server.posts->end_run();
      server.posts->clear_stop();
      server.signals.forget();
    }
  } const guard{*this};
  posts->begin_run();
  try {
    internal::WorkerRun run(*this);
    return run.serve();
  } catch (const preforkd::ExitError& error) {
    log_line(LogLevel::error, {error.what()});
    return error.exit_code();
  } catch (const std::exception& error) {
    log_line(LogLevel::error, {"cannot start: ", preforkd::escape_bytes(error.what())});
    return preforkd::exit_code::os_error;
  }
}

Server::Impl& Server::Impl::before_run(const char* function) {
  if (running) throw std::logic_error(std::string("Server::") + function + "() was called during run()");
  return *this;
}

void Server::Impl::set_running(bool now) noexcept {
  running = now;
  for (internal::ServiceSetup& setup : services) setup.in_use = now;
}

Server::Server() : impl_(std::make_unique<Impl>()) {}

Server::~Server() {
  if (!impl_->running) return;
  if (impl_->loop.is_copy()) {  // the child has called exit(3)
    static_cast<void>(impl_.release());
    return;
  }
  log_line(LogLevel::error, {"a callback destroys the Server that calls it"});
  std::abort();
}

Server& Server::framing(const Framing& framing) {
  impl_->before_run("framing").main.framing(framing);
  return *this;
}

Server& Server::limits(const Limits& limits) {
  impl_->before_run("limits").main.limits(limits);
  return *this;
}

Server& Server::listen(std::string_view address) {
  impl_->before_run("listen").main.listen(address);
  return *this;
}

Server& Server::on_connect(std::function<void(Connection&)> callback) {
  impl_->before_run("on_connect").main.on_connect(std::move(callback));
  return *this;
}

Server& Server::on_message(std::function<void(Connection&, std::string_view)> callback) {
  impl_->before_run("on_message").main.on_message(std::move(callback));
  return *this;
}

Server& Server::on_close(std::function<void(Connection&, CloseReason)> callback) {
  impl_->before_run("on_close").main.on_close(std::move(callback));
  return *this;
}

Server& Server::on_writable(std::function<void(Connection&)> callback) {
  impl_->before_run("on_writable").main.on_writable(std::move(callback));
  return *this;
}

Server& Server::on_half_close(std::function<void(Connection&)> callback) {
  impl_->before_run("on_half_close").main.on_half_close(std::move(callback));
  return *this;
}

Server& Server::on_adopt(std::function<void(Connection&, std::string_view)> callback) {
  impl_->before_run("on_adopt").main.on_adopt(std::move(callback));
  return *this;
}

Server& Server::on_adopt(std::function<void(Connection&, std::string_view, unsigned)> callback) {
  impl_->before_run("on_adopt").main.on_adopt(std::move(callback));
  return *this;
}

Server& Server::state_version(unsigned version) {
  impl_->before_run("state_version").state_version = version;
  return *this;
}

Service Server::service(std::string_view name) {
  for (internal::ServiceSetup& setup : impl_->before_run("service").services) {
    if (setup.name == name) return Service(setup);
  }
  impl_->services.emplace_back().name = name;
  return Service(impl_->services.back());
}

Counter Server::counter(std::string_view name) {
  return Counter(impl_->before_run("counter").statistics.counter(name));
}

CloseReason Server::close_reason(std::string_view name) {
  static_cast<void>(impl_->before_run("close_reason"));
  return internal::OwnCloseReasons::of_process().add(name);
}

Server& Server::on_worker_start(std::function<void()> callback) {
  impl_->before_run("on_worker_start").on_worker_start = std::move(callback);
  return *this;
}

Server& Server::on_worker_message(std::function<void(const PoolWorker&, std::string_view)> callback) {
  impl_->before_run("on_worker_message").on_worker_message = std::move(callback);
  return *this;
}

Server& Server::on_leave(std::function<void()> callback) {
  impl_->before_run("on_leave").on_leave = std::move(callback);
  return *this;
}

Server& Server::on_worker_stop(std::function<void()> callback) {
  impl_->before_run("on_worker_stop").on_worker_stop = std::move(callback);
  return *this;
}

Server& Server::on_error(std::function<void(std::exception_ptr)> callback) {
  impl_->before_run("on_error").errors.on_error = std::move(callback);
  return *this;
}

bool Server::bool_setting(std::string_view key, bool fallback) { return impl_->settings.boolean(key, fallback); }

std::int64_t Server::signed_setting(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) {
  return impl_->settings.integer(key, fallback, min, max);
}

std::uint64_t Server::unsigned_setting(std::string_view key, std::uint64_t fallback, std::uint64_t max) {
  return impl_->settings.unsigned_integer(key, fallback, max);
}

double Server::number_setting(std::string_view key, double fallback) { return impl_->settings.number(key, fallback); }

std::string Server::text_setting(std::string_view key, std::string_view fallback) {
  return impl_->settings.string(key, fallback);
}

std::optional<std::chrono::microseconds> Server::span_setting(std::string_view key, std::chrono::microseconds max) {
  return impl_->settings.time_span(key, max);
}

ByteSize Server::setting(std::string_view key, ByteSize fallback) {
  return {impl_->settings.byte_size(key, fallback.bytes)};
}

std::vector<std::string> Server::setting(std::string_view key, const std::vector<std::string>& fallback) {
  return impl_->settings.strings(key, fallback);
}

std::optional<std::string> Server::setting_json(std::string_view key) { return impl_->settings.json(key); }

TimerId Server::after(std::chrono::milliseconds delay, std::function<void()> callback) {
  return TimerId{impl_->timers.add(delay, std::chrono::milliseconds(0), std::move(callback))};
}

TimerId Server::every(std::chrono::milliseconds interval, std::function<void()> callback) {
  const std::chrono::milliseconds period = std::max(interval, std::chrono::milliseconds(1));
  return TimerId{impl_->timers.add(period, period, std::move(callback))};
}

void Server::cancel(TimerId timer) noexcept { impl_->timers.cancel(static_cast<std::uint64_t>(timer)); }

WatchId Server::watch(int fd, WatchEvents events, std::function<void(WatchEvents)> callback) {
  return WatchId{impl_->watches.add(fd, events, std::move(callback))};
}

void Server::rewatch(WatchId watch, WatchEvents events) {
  impl_->watches.change(static_cast<std::uint64_t>(watch), events);
}

void Server::unwatch(WatchId watch) noexcept { impl_->watches.remove(static_cast<std::uint64_t>(watch)); }

void Server::post(std::function<void()> callback) { impl_->posts->post(std::move(callback)); }

void Server::stop() noexcept { impl_->posts->request_stop(); }

std::vector<PoolWorker> Server::other_workers() const {
  return impl_->talk ? impl_->talk->others() : std::vector<PoolWorker>();
}

SendResult Server::send_to(unsigned slot, std::string_view message) {
  return impl_->talk ? impl_->talk->send_to(slot, message) : SendResult::no_worker;
}

SendResult Server::send_to(const PoolWorker& worker, std::string_view message) {
  return impl_->talk ? impl_->talk->send_to(worker, message) : SendResult::no_worker;
}

std::size_t Server::broadcast(std::string_view message) { return impl_->talk ? impl_->talk->broadcast(message) : 0; }

const WorkerIdentity& Server::worker() const noexcept { return impl_->identity; }

std::vector<std::string> Server::addresses() const { return impl_->addresses; }

void Server::status(std::string_view text) {
  impl_->status = text;
  impl_->status_changed = true;
}

int Server::run() { return impl_->run(); }

}  // namespace v0
}  // namespace prefork
