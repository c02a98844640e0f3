// SPDX-License-Identifier: MIT
#include "worker/worker_run.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "base/address.hpp"
#include "base/errors.hpp"
#include "base/escape.hpp"
#include "worker/base/log.hpp"

namespace prefork::internal {

namespace {

using preforkd::ExitError;
namespace exit_code = preforkd::exit_code;

constexpr preforkd::Duration default_patience = std::chrono::seconds(30);
// For what waits for other workers, when nothing else keeps this one: one that hangs must not hold up a reload.
constexpr preforkd::Duration farewell = std::chrono::seconds(5);
constexpr rlim_t max_marked = 1'100'000;  // a little above the largest max_connections

ProxyProtocol proxy_protocol_of(const ListenSocket& socket, const LimitValues& workers, const LimitValues& services) {
  const auto named = workers.proxy_protocol_of.find(socket.name);
  return named != workers.proxy_protocol_of.end() ? named->second : services.proxy_protocol;
}

// A word for a socket that is not there would leave another one open to everybody.
void check_proxied(const LimitValues& limits, const std::vector<ListenSocket>& sockets) {
  for (const auto& [name, word] : limits.proxy_protocol_of) {
    const auto is_named = [&name = name](const ListenSocket& socket) { return socket.name == name; };
    if (std::any_of(sockets.begin(), sockets.end(), is_named)) continue;
    throw ExitError(exit_code::config, "settings.proxy_protocol." + preforkd::escape_bytes(name) +
                                           ": no listening socket has this name; see \"listen\" of the pool");
  }
}

}  // namespace

WorkerRun::WorkerRun(Server::Impl& server)
    : server_(server),
      service_limits_(checked_limits()),
      limits_(service_limits_.front()),
      sockets_(take_sockets()),
      status_(server.loop, server.wheel, open_notify(), server.label),
      streams_(server.loop),
      stats_(server.statistics.begin()),
      path_(streams_, server.wheel, limits_, stats_, server.posts),
      acceptor_(server.loop, server.wheel, path_) {
  server_.loop.count_busy_time(path_.busy_word());
  open_services();
  allow_descriptors();
  if (server_.on_worker_message)
    server_.talk.emplace(server_.loop, server_.errors, server_.on_worker_message, limits_.worker_queue, stats_);
  take_control_channel();
  table_before_ = ConnectionTable::set_current(&path_.table());  // last: only the destructor undoes it
}

WorkerRun::~WorkerRun() {
  server_.wheel.cancel(*this);
  server_.talk.reset();
  ConnectionTable::set_current(table_before_);
}

std::vector<LimitValues> WorkerRun::checked_limits() {
  if (!server_.given) throw ExitError(exit_code::config, "cannot start: environment: " + server_.given.error().text);
  std::vector<LimitValues> limits;
  for (const ServiceSetup& setup : server_.services) {
    const LimitValues& programs = setup.limits.impl().values;
    const bool is_main = setup.name.empty();
    limits.push_back(is_main ? server_.settings.limits(programs)
                             : server_.settings.service_limits(setup.name, programs));
    limits.back().state_version = server_.state_version;
  }
  const std::vector<std::string> problems = server_.settings.problems();
  if (problems.empty()) return limits;
  for (std::size_t i = 0; i + 1 < problems.size(); ++i) log_line(LogLevel::error, {problems[i]});
  throw ExitError(exit_code::config, problems.back());
}

std::vector<ListenSocket> WorkerRun::take_sockets() {
  if (std::exchange(server_.sockets_taken, true) && !server_.given->listen_names.empty()) {
    throw ExitError(exit_code::unavailable,
                    "cannot run again: the sockets of the environment were closed when run() returned");
  }
  std::vector<ListenSocket> sockets = take_inherited_sockets(*server_.given);
  if (sockets.empty()) {
    for (const ServiceSetup& setup : server_.services) {
      for (ListenSocket& socket : open_own_sockets(setup.addresses, setup.name)) sockets.push_back(std::move(socket));
    }
  }
  if (sockets.empty()) {
    throw ExitError(
        exit_code::unavailable,
        "no socket to serve: start this program with preforkd or with a systemd socket unit, or give it an address");
  }
  server_.addresses.clear();
  for (const ListenSocket& socket : sockets) server_.addresses.push_back(preforkd::format_address(socket.address));
  return sockets;
}

void WorkerRun::open_services() {
  for (const ServiceSetup& setup : server_.services) {
    const bool is_main = setup.name.empty();
    services_.emplace_back(setup, service_limits_[services_.size()]);
    const bool has_socket = is_main || std::any_of(sockets_.begin(), sockets_.end(), [&](const ListenSocket& socket) {
                              return socket.name == setup.name;
                            });
    if (!has_socket) {
      throw ExitError(exit_code::unavailable, "no socket for the service \"" + preforkd::escape_bytes(setup.name) +
                                                  "\": name it in \"listen\" of the pool, or with FileDescriptorName= "
                                                  "in the socket unit");
    }
  }
  check_proxied(limits_, sockets_);
  for (const ListenSocket& socket : sockets_) {
    const auto index = static_cast<std::uint16_t>(entrances_.size());
    ActiveService& service = service_for(socket);
    entrances_.push_back(
        {service, socket.name, socket.is_tcp, index, proxy_protocol_of(socket, limits_, service.limits)});
  }
}

ActiveService& WorkerRun::service_for(const ListenSocket& socket) {
  auto service = services_.begin();
  for (const ServiceSetup& setup : server_.services) {
    if (!setup.name.empty() && setup.name == socket.name) return *service;
    ++service;
  }
  return services_.front();
}

ServiceNotify WorkerRun::open_notify() {
  auto notify = ServiceNotify::open(server_.given->notify_socket);
  if (notify) return std::move(*notify);
  log_line(LogLevel::warning, {"cannot notify the service manager: NOTIFY_SOCKET: ", notify.error().text});
  return {};
}

void WorkerRun::take_control_channel() {
  preforkd::UniqueFd fd(std::exchange(server_.given->control_fd, -1));
  if (!fd) return;
  const bool moves = connections_may_move();
  if (moves) {
    rlimit limit{};
    const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    ledger_.emplace(known ? limit.rlim_cur : max_marked, limits_.max_kept_state, entrances_.size());
    for (const Entrance& entrance : entrances_) {
      Ledger::Listener& listener = ledger_->listener(entrance.index);
      listener.name_bytes =
          static_cast<std::uint8_t>(entrance.listener.copy(listener.name.data(), listener.name.size()));
      listener.is_tcp = entrance.is_tcp ? 1 : 0;
    }
    streams_.use_ledger(&*ledger_);
  }
  HandOver::Callbacks callbacks{.on_master_gone = [this] { master_gone_ = true; },
                                .on_report_busy = [this](unsigned permille) { busy_report_.ask(permille); },
                                .on_meet =
                                    [this](const preforkd::control::Meet& other, preforkd::UniqueFd socket) {
                                      if (server_.talk) server_.talk->meet(other, std::move(socket));
                                    },
                                .on_no_taker = [this] { on_no_taker(); }};
  hand_over_.emplace(server_.loop, server_.wheel, path_, entrances_, moves, std::move(fd), std::move(callbacks));
}

bool WorkerRun::connections_may_move() const noexcept {
  return limits_.move_connections && std::any_of(services_.begin(), services_.end(), [](const ActiveService& service) {
           return service.handlers.on_adopt != nullptr;
         });
}

std::uint64_t WorkerRun::max_connections() const noexcept {
  std::uint64_t all = 0;
  for (const ActiveService& service : services_) all += service.limits.max_connections;
  return all;
}

// A service starts with a soft limit of 1024 descriptors because of select(2), which is not used here. All services of
// a worker are seldom full at the same time, so less than their sum is worth a word only if it is too little for one.
void WorkerRun::allow_descriptors() {
  constexpr rlim_t max_others = 512;  // of the pool, while a reload goes on
  const rlim_t beside_connections = 128 + (server_.on_worker_message ? max_others : 0);
  rlim_t most = 0;
  for (const ActiveService& service : services_) most = std::max<rlim_t>(most, service.limits.max_connections);
  const auto descriptors_for = [beside_connections](rlim_t connections) {
    return connections + DataPath::max_lingering + beside_connections;
  };
  const rlim_t needed = descriptors_for(max_connections());
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
  limit.rlim_cur = std::min(needed, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= descriptors_for(most)) return;
  log_line(LogLevel::notice,
           {"max_connections is ", std::to_string(most), " and needs up to ", std::to_string(descriptors_for(most)),
            " descriptors, but only ", std::to_string(limit.rlim_cur), " are allowed (RLIMIT_NOFILE)"});
}

int WorkerRun::serve() {
  try {
    start(std::move(sockets_));
    while (!draining_ || !path_.empty() || is_sending()) turn();
    if (server_.talk) server_.talk->stop_queueing();
    return stop_application() ? exit_status_ : exit_code::failure;
  } catch (const ExitError&) {
    throw;
  } catch (const std::exception& error) {
    log_line(LogLevel::error, {"worker ends: ", preforkd::escape_bytes(error.what())});
  } catch (...) {
    log_line(LogLevel::error, {"worker ends: no std::exception"});
  }
  return abandon();
}

// Before the application has threads and much memory, which the keeper would copy.
void WorkerRun::start_keeper() {
  if (!ledger_) return;
  const auto patience = std::chrono::ceil<std::chrono::milliseconds>(server_.given->drain.value_or(default_patience));
  keeper_.emplace(server_.loop, server_.wheel, *ledger_, hand_over_->control_fd(), patience, server_.label);
}

void WorkerRun::start(std::vector<ListenSocket> sockets) {
  start_keeper();
  if (server_.on_worker_start) server_.on_worker_start();
  server_.loop.read_clock();
  if (server_.given->watchdog) {
    watchdog_.emplace(server_.loop, server_.wheel, status_.notify(), *server_.given->watchdog);
  }
  if (hand_over_) hand_over_->say_hello(framing_fingerprint(server_.services));
  if (hand_over_ && server_.talk) hand_over_->say_talks();
  acceptor_.open(std::move(sockets), entrances_);
  path_.mark_max_connections(max_connections());
  status_.ready();
  path_.mark_ready();
}

void WorkerRun::turn() {
  int timeout_ms = 0;
  if (!path_.has_work()) {
    // From now, not from the beginning of the last turn: a callback may have taken long.
    const auto now = streams_.clock();
    timeout_ms = server_.wheel.timeout_ms(now);
    if (timeout_ms != 0) server_.loop.rests_from(now);
  }
  streams_.turn(timeout_ms);
  if (busy_report_.is_asked()) say_if_busy();
  server_.wheel.advance(server_.loop.now());
  path_.settle();
  if (hand_over_) hand_over_->settle();
  if (server_.talk) server_.talk->settle();
  if (draining_ && path_.empty() && server_.talk && server_.talk->is_sending()) bound_drain_by(farewell);
  acceptor_.update();
  leave_if_told();
  if (server_.status_changed) {
    server_.status_changed = false;
    status_.set_text(server_.status);
  }
  status_.update(path_.connections());
}

void WorkerRun::say_if_busy() {
  if (busy_report_.is_due(server_.loop.now(), server_.loop.busy_time()) && !draining_) hand_over_->say_busy();
}

// A second signal. Ignored in a pool: one may come from the master and one from an operator, and the master ends a
// drain that takes too long.
bool WorkerRun::is_hurried() const noexcept { return server_.signals.seen() >= 2 && (!hand_over_ || alone_); }

bool WorkerRun::is_sending() const noexcept {
  return (hand_over_ && hand_over_->is_giving()) || (server_.talk && server_.talk->is_sending());
}

void WorkerRun::leave_if_told() {
  if (is_hurried() && draining_) close_all(CloseReason::drain_timeout, CloseReason::drained);
  if (master_gone_ && !alone_) be_alone();
  if (!draining_ && acceptor_.has_lost_all()) {
    log_line(LogLevel::error, {"no socket is left to serve: finishing requests, then exiting"});
    exit_status_ = exit_code::os_error;
    begin_drain();
  }
  if (!draining_ && (server_.signals.seen() > 0 || alone_ || server_.posts->stop_requested())) begin_drain();
}

// No master will end a drain that takes too long: the worker does it.
void WorkerRun::be_alone() {
  alone_ = true;
  log_line(LogLevel::warning, {"the master is gone: finishing requests, then exiting"});
  if (!draining_) return;
  on_no_taker();
  bound_drain();
}

void WorkerRun::begin_drain() {
  draining_ = true;
  status_.stopping();
  acceptor_.close();
  if (server_.on_leave) server_.errors.run("on_leave", server_.on_leave);
  bound_drain();
  Mover* const mover = hand_over_ ? hand_over_->begin_drain() : nullptr;
  if (mover != nullptr || limits_.drain_idle == DrainIdle::close) path_.begin_drain(mover);
}

void WorkerRun::on_no_taker() {
  if (limits_.drain_idle == DrainIdle::close) {
    path_.begin_drain(nullptr);
  } else {
    path_.serve_on();
  }
}

void WorkerRun::bound_drain() {
  if (limits_.drain_timeout.count() > 0) bound_drain_by(limits_.drain_timeout);
  if (alone_) bound_drain_by(server_.given->drain.value_or(default_patience));
}

void WorkerRun::bound_drain_by(preforkd::Duration bound) {
  const auto end = server_.loop.now() + bound;
  if (end < armed_until()) server_.wheel.arm(*this, end);
}

void WorkerRun::close_all(CloseReason busy, CloseReason idle) {
  if (hand_over_) hand_over_->stop();
  if (server_.talk) server_.talk->stop_queueing();
  path_.close_all(busy, idle);
}

void WorkerRun::on_timer() { close_all(CloseReason::drain_timeout, CloseReason::drained); }

// on_worker_start or the loop itself has failed: no message is delivered any more, and every connection is closed with
// on_close.
int WorkerRun::abandon() noexcept {
  acceptor_.close();
  close_all(CloseReason::handler_failed, CloseReason::handler_failed);
  while (path_.has_work()) path_.settle();
  stop_application();
  return exit_code::failure;
}

bool WorkerRun::stop_application() noexcept {
  return !server_.on_worker_stop || server_.errors.run("on_worker_stop", server_.on_worker_stop);
}

}  // namespace prefork::internal
