// SPDX-License-Identifier: MIT
#include "worker/service/worker_signals.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <mutex>
#include <system_error>

#include "base/unique_fd.hpp"

namespace prefork::internal {

// A receiver is never destroyed, because a handler on another thread may be using it: a later object of the same
// process takes it. A forked child makes its own, since it shares the eventfd of its parent's.
struct WorkerSignals::Receiver {
  void clear() const noexcept {
    std::uint64_t writes = 0;
    [[maybe_unused]] const ssize_t got = ::read(event.get(), &writes, sizeof writes);
  }

  const pid_t process = ::getpid();
  preforkd::UniqueFd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> used{false};
  std::atomic<unsigned> count{0};
  Receiver* next = nullptr;
};

namespace {

using Receiver = WorkerSignals::Receiver;
static_assert(std::atomic<unsigned>::is_always_lock_free && std::atomic<Receiver*>::is_always_lock_free);

constexpr std::array<int, 2> leaving = {SIGTERM, SIGINT};
// SIGPIPE is raised by a write of the application. The others are what operators send to servers, and logrotate to all
// processes of a name.
constexpr std::array<int, 4> harmless = {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2};

constinit std::atomic<Receiver*> receivers{nullptr};  // read by the handler, grows under the mutex

void on_leaving_signal(int signal) {
  const int saved = errno;
  const pid_t process = ::getpid();
  bool heard = false;
  for (Receiver* receiver = receivers.load(std::memory_order_acquire); receiver != nullptr; receiver = receiver->next) {
    if (receiver->process != process || !receiver->used.load(std::memory_order_acquire)) continue;
    heard = true;
    receiver->count.fetch_add(1, std::memory_order_release);
    const std::uint64_t one = 1;
    // A full counter (EAGAIN) has woken the loop already.
    [[maybe_unused]] const ssize_t written = ::write(receiver->event.get(), &one, sizeof one);
  }
  if (!heard) {
    ::signal(signal, SIG_DFL);
    ::raise(signal);  // pending until this handler returns
  }
  errno = saved;
}

void do_nothing(int) {}

// What one signal does: the library's handler, and what was there before.
class SignalAction {
 public:
  void install(int signal, void (*function)(int), bool only_instead_of_default) noexcept {
    signal_ = signal;
    function_ = function;
    ::sigaction(signal, nullptr, &before_);
    if (only_instead_of_default && before_.sa_handler != SIG_DFL) return;
    struct sigaction action {};
    action.sa_handler = function;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    ::sigaction(signal, &action, nullptr);
  }
  void restore() const noexcept {
    struct sigaction now {};
    ::sigaction(signal_, nullptr, &now);
    if (now.sa_handler == function_) ::sigaction(signal_, &before_, nullptr);
  }

 private:
  int signal_ = 0;
  void (*function_)(int) = nullptr;
  struct sigaction before_ {};
};

constinit std::mutex mutex;  // guards what follows
std::size_t objects = 0;
std::array<SignalAction, leaving.size() + harmless.size()> actions;

void install_handlers() noexcept {
  auto action = actions.begin();
  for (const int signal : leaving) (action++)->install(signal, on_leaving_signal, false);
  for (const int signal : harmless) (action++)->install(signal, do_nothing, true);
}

Receiver& take_receiver() {
  const pid_t process = ::getpid();
  for (Receiver* receiver = receivers.load(std::memory_order_relaxed); receiver != nullptr; receiver = receiver->next) {
    if (receiver->process == process && !receiver->used.load(std::memory_order_relaxed)) return *receiver;
  }
  auto receiver = std::make_unique<Receiver>();
  if (!receiver->event) throw std::system_error(errno, std::generic_category(), "eventfd");
  receiver->next = receivers.load(std::memory_order_relaxed);
  receivers.store(receiver.get(), std::memory_order_release);
  return *receiver.release();
}

Receiver& begin_to_hear() {
  const std::lock_guard lock(mutex);
  Receiver& receiver = take_receiver();
  receiver.clear();
  receiver.count.store(0, std::memory_order_relaxed);
  receiver.used.store(true, std::memory_order_release);
  if (objects++ == 0) install_handlers();
  return receiver;
}

void end_to_hear(Receiver& receiver) noexcept {
  const std::lock_guard lock(mutex);
  // First the handlers: without a receiver they would end the process.
  if (--objects == 0) {
    for (const SignalAction& action : actions) action.restore();
  }
  receiver.used.store(false, std::memory_order_release);
}

sigset_t leaving_set() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : leaving) sigaddset(&set, signal);
  return set;
}

}  // namespace

WorkerSignals::WorkerSignals(EventLoop& loop) : loop_(loop), receiver_(begin_to_hear()) {
  if (const int error = loop_.add(receiver_.event.get(), EPOLLIN, *this); error != 0) {
    end_to_hear(receiver_);
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
}

WorkerSignals::~WorkerSignals() {
  loop_.remove(receiver_.event.get(), *this);
  end_to_hear(receiver_);
}

// A signal is seen in a turn of the loop, and not when it arrives: what has woken the worker together with it is in the
// same turn.
void WorkerSignals::on_events(std::uint32_t) {
  receiver_.clear();
  seen_ = receiver_.count.load(std::memory_order_acquire);
}

void WorkerSignals::forget() noexcept {
  receiver_.count.store(0, std::memory_order_relaxed);
  seen_ = 0;
}

LeavingSignalsUnblocked::LeavingSignalsUnblocked() noexcept {
  const sigset_t set = leaving_set();
  ::pthread_sigmask(SIG_UNBLOCK, &set, &mask_before_);
}

LeavingSignalsUnblocked::~LeavingSignalsUnblocked() { ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr); }

}  // namespace prefork::internal
