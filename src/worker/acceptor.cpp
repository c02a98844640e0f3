// SPDX-License-Identifier: MIT
#include "worker/acceptor.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "base/errors.hpp"
#include "worker/base/log.hpp"

namespace prefork::internal {

namespace {
constexpr std::chrono::milliseconds pause_time{100};
constexpr std::size_t events_per_accept = 8;  // beyond the first accept of a turn
// A worker that has accepted within this time has not slept since.
constexpr std::chrono::milliseconds still_awake{1};
constexpr unsigned accepts_between_offers = 8;
// With so many events in a turn a worker is not waiting, and its place among those that wait means little.
constexpr std::size_t busy_turn = 4;
}  // namespace

Acceptor::AcceptFailure Acceptor::classify(int error) noexcept {
  switch (error) {
    case EAGAIN:
      return AcceptFailure::none_waiting;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return AcceptFailure::shortage;
    case EINVAL:
      return AcceptFailure::shut_down;
    case EBADF:
    case ENOTSOCK:
    case EOPNOTSUPP:
    case EFAULT:
      return AcceptFailure::broken;
    default:  // ECONNABORTED, EPERM of a firewall, and the network errors that accept(2) passes on
      return AcceptFailure::client_gone;
  }
}

struct Acceptor::Listener final : EventSource {
  Listener(Acceptor& owner_, ListenSocket socket_, const Entrance& entrance_)
      : owner(owner_), socket(std::move(socket_)), entrance(entrance_) {}
  ~Listener() {
    stop();
    socket.path.remove();
  }

  void on_events(std::uint32_t) override { owner.accept_from(*this); }

  [[nodiscard]] int start() noexcept {
    if (watched || broken || limited) return 0;
    const int error = owner.loop_.add(socket.fd.get(), EPOLLIN | EPOLLEXCLUSIVE, *this);
    watched = error == 0;
    return error;
  }
  void stop() noexcept {
    if (std::exchange(watched, false)) owner.loop_.remove(socket.fd.get(), *this);
  }

  Acceptor& owner;
  ListenSocket socket;
  const Entrance& entrance;
  bool watched = false;
  bool broken = false;
  bool limited = false;  // by max_connections of its service
};

Acceptor::Acceptor(EventLoop& loop, TimerWheel& wheel, DataPath& path) : loop_(loop), wheel_(wheel), path_(path) {
  refill_reserve();
}

Acceptor::~Acceptor() { close(); }

void Acceptor::open(std::vector<ListenSocket> sockets, const std::deque<Entrance>& entrances) {
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    listeners_.push_back(std::make_unique<Listener>(*this, std::move(sockets[i]), entrances[i]));
    if (const int error = listeners_.back()->start(); error != 0) {
      throw preforkd::ExitError(preforkd::exit_code::os_error,
                                "cannot serve: epoll_ctl: " + preforkd::errno_text(error));
    }
  }
}

void Acceptor::close() noexcept {
  wheel_.cancel(*this);
  // epoll may still know a broken one: its descriptor became another file, and the old one is open elsewhere.
  std::erase_if(listeners_, [](const std::unique_ptr<Listener>& listener) { return !listener->broken; });
  reserve_.reset();
}

void Acceptor::update() noexcept {
  for (const std::unique_ptr<Listener>& listener : listeners_) {
    const bool full = listener->entrance.service.full();
    if (listener->limited != full) set_limited(*listener, full);
  }
}

void Acceptor::set_limited(Listener& listener, bool limited) noexcept {
  listener.limited = limited;
  path_.mark_full(std::all_of(listeners_.begin(), listeners_.end(), [](const auto& each) { return each->limited; }));
  if (!limited) {
    if (!paused_ && listener.start() != 0) pause();
    return;
  }
  listener.stop();
  if (const auto left_out = limit_log_.pass(loop_.now())) {
    const std::string_view service = listener.entrance.service.name;
    const bool named = !service.empty();
    log_line(LogLevel::notice, {"max_connections reached", named ? " by service \"" : "", service, named ? "\"" : "",
                                ": accepting is paused, other workers take over"});
  }
}

void Acceptor::accept_from(Listener& listener) {
  if (listener.broken) return;
  const std::size_t allowed = 1 + loop_.ready() / events_per_accept;
  std::size_t accepted = 0;
  while (accepted < allowed && !listener.entrance.service.full() && accept_one(listener)) ++accepted;
  update();
  if (accepted > 0 && listener.watched) give_way(listener);
}

// True: one was taken from the queue, try the next.
bool Acceptor::accept_one(Listener& listener) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  preforkd::UniqueFd fd(
      ::accept4(listener.socket.fd.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) {
    path_.admit(std::move(fd), peer, listener.entrance);
    return true;
  }
  const int error = errno;
  switch (classify(error)) {
    case AcceptFailure::none_waiting:
      return false;
    case AcceptFailure::client_gone:
      return true;
    case AcceptFailure::shortage:
      return relieve(listener, error);
    case AcceptFailure::shut_down:
      await_revival(listener);
      return false;
    case AcceptFailure::broken:
      break;
  }
  listener.stop();
  listener.broken = true;
  log_line(LogLevel::error, {"cannot accept: ", preforkd::errno_text(error), ": this socket is given up"});
  return false;
}

bool Acceptor::has_lost_all() const noexcept {
  return !listeners_.empty() && std::all_of(listeners_.begin(), listeners_.end(),
                                            [](const std::unique_ptr<Listener>& listener) { return listener->broken; });
}

// A process that shares the socket has called shutdown(2) on it. The master makes it listen again if that is possible;
// this worker serves its clients meanwhile.
void Acceptor::await_revival(Listener& listener) {
  if (const auto left_out = revival_log_.pass(loop_.now())) {
    log_line(LogLevel::warning,
             {"cannot accept: a process has shut the listening socket down: waiting until it listens again"});
  }
  listener.stop();
  wheel_.arm(*this, loop_.now() + pause_time);
}

// No descriptor or no memory for the client at the head of the queue: closes its connection. True if it did.
bool Acceptor::relieve(Listener& listener, int error) {
  path_.count_accept_failure();
  if (const auto left_out = shortage_log_.pass(loop_.now())) {
    log_line(LogLevel::warning, {"cannot accept: ", preforkd::errno_text(error), ": new clients are turned away"});
  }
  const AcceptFailure then = reserve_ ? turn_away(listener) : AcceptFailure::shortage;
  if (then != AcceptFailure::client_gone && then != AcceptFailure::none_waiting) pause();
  return then == AcceptFailure::client_gone;
}

Acceptor::AcceptFailure Acceptor::turn_away(Listener& listener) noexcept {
  reserve_.reset();
  preforkd::UniqueFd client(::accept4(listener.socket.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const AcceptFailure result = client ? AcceptFailure::client_gone : classify(errno);
  client.reset();
  refill_reserve();
  return result;
}

void Acceptor::refill_reserve() noexcept {
  if (!reserve_) reserve_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void Acceptor::give_way(Listener& listener) noexcept {
  if (loop_.now() - last_accept_ > still_awake) accepts_in_a_row_ = 0;
  last_accept_ = loop_.now();
  const bool offered = accepts_in_a_row_ % accepts_between_offers == accepts_between_offers - 1;
  const bool moves = loop_.ready() < busy_turn && (offered || accepts_in_a_row_ == 0);
  ++accepts_in_a_row_;
  if (moves) listener.stop();
  // Registering checks the queue again: a worker that was woken meanwhile is to be the first there.
  if (offered) ::sched_yield();
  if (moves && listener.start() != 0) pause();
}

void Acceptor::start_all() noexcept {
  for (const std::unique_ptr<Listener>& listener : listeners_) {
    if (listener->start() != 0) return pause();
  }
}

void Acceptor::stop_all() noexcept {
  for (const std::unique_ptr<Listener>& listener : listeners_) listener->stop();
}

void Acceptor::pause() noexcept {
  paused_ = true;
  stop_all();
  wheel_.arm(*this, loop_.now() + pause_time);
}

void Acceptor::on_timer() {
  paused_ = false;
  refill_reserve();
  start_all();
}

}  // namespace prefork::internal
