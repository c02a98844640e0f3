// SPDX-License-Identifier: MIT
#include "master/pool/worker_types.hpp"

#include "base/errors.hpp"
#include "base/signal_name.hpp"
#include "dbus/words.hpp"

namespace preforkd {

std::string_view to_string(WorkerState state) noexcept {
  switch (state) {
    case WorkerState::starting:
      return dbus::state::starting;
    case WorkerState::ready:
      return dbus::state::ready;
    case WorkerState::draining:
      return dbus::state::draining;
  }
  return "unknown";
}

std::string_view to_string(ExitCause cause) noexcept {
  switch (cause) {
    case ExitCause::exit:
      return "exit";
    case ExitCause::signal:
      return "signal";
    case ExitCause::start_timeout:
      return "start-timeout";
    case ExitCause::hang:
      return "hang";
    case ExitCause::recycled:
      return "recycled";
    case ExitCause::scaled_down:
      return "scaled-down";
    case ExitCause::reloaded:
      return "reloaded";
    case ExitCause::operator_request:
      return "operator";
    case ExitCause::drain_timeout:
      return "drain-timeout";
    case ExitCause::oom:
      return "oom";
  }
  return "unknown";
}

std::string_view to_string(ExitStatus::Kind kind) noexcept {
  switch (kind) {
    case ExitStatus::Kind::exited:
      return "exited";
    case ExitStatus::Kind::signaled:
      return "signaled";
    case ExitStatus::Kind::dumped:
      return "dumped";
    case ExitStatus::Kind::exec_failed:
      return "exec-failed";
    case ExitStatus::Kind::unknown:
      break;
  }
  return "unknown";
}

std::string_view to_string(NotTaken reason) noexcept {
  switch (reason) {
    case NotTaken::full:
      return "full";
    case NotTaken::leaving:
      return "leaving";
    case NotTaken::no_listener:
      return "no-listener";
    case NotTaken::kept_state:
      return "kept-state";
    case NotTaken::failed:
      return "failed";
    case NotTaken::framing:
      return "framing";
    case NotTaken::no_on_adopt:
      return "no-on-adopt";
  }
  return "unknown";
}

std::string to_string(const ExitStatus& status) {
  switch (status.kind) {
    case ExitStatus::Kind::exited:
      return "exit status " + std::to_string(status.value);
    case ExitStatus::Kind::signaled:
      return signal_text(status.value);
    case ExitStatus::Kind::dumped:
      return signal_text(status.value) + ", core dumped";
    case ExitStatus::Kind::exec_failed:
      return status.step + ": " + errno_text(status.value);
    case ExitStatus::Kind::unknown:
      break;
  }
  return "unknown status";
}

}  // namespace preforkd
