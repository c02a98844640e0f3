// SPDX-License-Identifier: MIT
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/terminal.hpp"
#include "ctl/output/watch_frame.hpp"
#include "ctl/pool_watch.hpp"

namespace preforkd::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds tick{1};
// The other bytes of an arrow key follow its escape character within this time, even over a slow line.
constexpr std::chrono::milliseconds rest_of_a_key{150};

// Reads signals from a descriptor, so that none ends the process while the terminal is in use.
class TakenSignals {
 public:
  TakenSignals() {
    sigset_t taken;
    ::sigemptyset(&taken);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH}) ::sigaddset(&taken, signal);
    ::sigprocmask(SIG_BLOCK, &taken, &before_);
    fd_.reset(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  TakenSignals(const TakenSignals&) = delete;
  TakenSignals& operator=(const TakenSignals&) = delete;
  ~TakenSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  // The next signal, 0 if there is none.
  [[nodiscard]] int take() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

class Watch {
 public:
  Watch(PoolClient& pool, const Style& style) : pool_(pool), watch_(pool), style_(style) {}

  // Runs until the user leaves; false if the pool left before.
  bool run() {
    while (!leave_) {
      pool_.bus().process();
      if (watch_.gone()) return false;
      if (watch_.take_news() || redraw_) draw();
      wait();
    }
    return true;
  }

 private:
  void draw() {
    redraw_ = false;
    const std::string alarm = hangs() ? "no answer for " + std::to_string(watch_.silence().count()) + " s" : "";
    if (!watch_.snapshot()) return screen_.draw("waiting for pool \"" + pool_.name() + "\"; q quits\n" + alarm);
    const TerminalSize size = terminal_size();
    style_.columns = size.columns;
    screen_.draw(watch_frame({*watch_.snapshot(), watch_.rows(), order_, alarm, wall_clock_now()}, style_, size.lines));
  }

  [[nodiscard]] bool hangs() const { return watch_.silence() > tick; }

  void wait() {
    std::array<pollfd, 3> entries{
        {{sd_bus_get_fd(pool_.bus().get()), 0, 0}, {signals_.fd(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    const int wanted = sd_bus_get_events(pool_.bus().get());
    entries[0].events = static_cast<short>(wanted > 0 ? wanted : POLLIN);
    const Clock::time_point until = reader_.undecided() ? std::min(next_look_, decides_) : next_look_;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    ::poll(entries.data(), entries.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (entries[1].revents != 0) take_signal();
    if (entries[2].revents != 0) {
      take_bytes();
    } else if (reader_.undecided() && Clock::now() >= decides_) {
      take_keys(reader_.decide());
    }
    if (Clock::now() < next_look_) return;
    next_look_ = Clock::now() + tick;
    watch_.refresh();
    if (hangs()) redraw_ = true;
  }

  void take_signal() {
    for (int signal = signals_.take(); signal != 0; signal = signals_.take()) {
      if (signal == SIGTSTP) screen_.suspend();
      if (signal == SIGTSTP || signal == SIGWINCH) {
        redraw_ = true;
      } else {
        leave_ = true;
      }
    }
  }

  void take_bytes() {
    std::array<char, 64> bytes{};
    const ssize_t size = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (size <= 0) {
      leave_ = true;
      return;
    }
    take_keys(reader_.take({bytes.data(), static_cast<std::size_t>(size)}));
    if (reader_.undecided()) decides_ = Clock::now() + rest_of_a_key;
  }

  void take_keys(std::string_view keys) {
    for (const char key : keys) {
      constexpr std::string_view leaving = "qQ\x1b\x04";
      if (leaving.find(key) != std::string_view::npos) leave_ = true;
      if (take_key(order_, key)) redraw_ = true;
    }
  }

  PoolClient& pool_;
  PoolWatch watch_;
  Style style_;
  WatchOrder order_;
  KeyReader reader_;
  Clock::time_point decides_;  // when an escape character counts as the key Esc
  TakenSignals signals_;
  FullScreen screen_;  // restored before the signals are
  Clock::time_point next_look_ = Clock::now() + tick;
  bool redraw_ = true;
  bool leave_ = false;
};

}  // namespace

int run_watch(Context& context) {
  PoolClient pool = context.pool();
  if (!FullScreen::possible()) {
    throw ExitError(exit_code::usage,
                    "watch: needs a terminal that is not dumb ($TERM); use \"events\", or \"workers\" with --json");
  }
  try {
    if (Watch(pool, context.screen().style()).run()) return exit_code::ok;
  } catch (const BusFailure& failure) {
    throw pool.explained(failure);
  }
  throw ExitError(exit_code::unavailable, "pool \"" + pool.name() + "\" has left the bus");
}

}  // namespace preforkd::ctl
