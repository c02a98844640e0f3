// SPDX-License-Identifier: MIT
#include "master/pool/pool_view.hpp"

#include <cerrno>

#include "dbus/words.hpp"

namespace preforkd {

std::string_view to_string(PoolState state) noexcept {
  switch (state) {
    case PoolState::starting:
      return dbus::state::starting;
    case PoolState::running:
      return dbus::state::running;
    case PoolState::reloading:
      return dbus::state::reloading;
    case PoolState::degraded:
      return dbus::state::degraded;
    case PoolState::stopping:
      return dbus::state::stopping;
  }
  return "unknown";
}

std::string_view hint(const ExitStatus& status) noexcept {
  const bool forbidden = status.kind == ExitStatus::Kind::exec_failed && status.step == "execve" &&
                         (status.value == EACCES || status.value == EPERM);
  return forbidden ? " (the pool's user may not execute it, or the sandbox of its unit forbids it, see "
                     "preforkd-generator(8))"
                   : "";
}

std::string_view hint(const ExitRecord& exit) noexcept {
  if (exit.cause == ExitCause::start_timeout && exit.never_notified) {
    return " (it did not send READY=1 (sd_notify(3)) within start_timeout; for a program without sd_notify set "
           "\"ready\": \"exec\" and run preforkctl reload, also while the unit is starting)";
  }
  if (exit.cause == ExitCause::hang && exit.never_pinged) {
    return " (it has never sent WATCHDOG=1: hang_timeout is only for programs that do, see sd_watchdog_enabled(3))";
  }
  if (exit.status.kind == ExitStatus::Kind::exec_failed) return hint(exit.status);
  const bool clean = exit.status.kind == ExitStatus::Kind::exited && exit.status.value == 0;
  return exit.failed && clean ? " (if the program went to the background, configure it to stay in the foreground)" : "";
}

std::string_view to_string(ReloadEnd end) noexcept {
  switch (end) {
    case ReloadEnd::done:
      return "done";
    case ReloadEnd::config:
      return "config";
    case ReloadEnd::sockets:
      return "sockets";
    case ReloadEnd::worker_failed:
      return "worker-failed";
    case ReloadEnd::not_started:
      return "not-started";
    case ReloadEnd::superseded:
      return "superseded";
    case ReloadEnd::stopping:
      return "stopping";
  }
  return "unknown";
}

std::string describe(const ReloadFinished& finished) {
  const std::string slot = "slot " + std::to_string(finished.slot) + ": ";
  switch (finished.end) {
    case ReloadEnd::done:
      return "generation " + std::to_string(finished.generation) + " is live";
    case ReloadEnd::worker_failed: {
      if (!finished.failure) return slot + "the new worker is exiting by itself (STOPPING=1)";
      const ExitRecord& failure = *finished.failure;
      const bool known = failure.status.kind != ExitStatus::Kind::unknown;
      const bool own = failure.cause == ExitCause::exit || failure.cause == ExitCause::signal;  // the status is enough
      std::string how(own && known ? "" : to_string(failure.cause));
      if (known) how += (how.empty() ? "" : ", ") + to_string(failure.status);
      return slot + "the new worker failed: " + how + std::string(hint(failure));
    }
    case ReloadEnd::not_started:
      return slot + "cannot start the new worker: " + finished.error.text;
    case ReloadEnd::superseded:
      return "superseded by a newer reload";
    case ReloadEnd::stopping:
      return pool_is_stopping;
    case ReloadEnd::config:
    case ReloadEnd::sockets:
      break;
  }
  return "unknown";
}

}  // namespace preforkd
