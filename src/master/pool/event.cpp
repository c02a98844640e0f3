// SPDX-License-Identifier: MIT
#include "master/pool/event.hpp"

#include <utility>

#include "base/errors.hpp"
#include "base/signal_name.hpp"
#include "base/time_span.hpp"

namespace preforkd {
namespace event {
namespace {

std::string text(WorkerId id) { return std::to_string(static_cast<std::uint64_t>(id)); }

std::string text(const Start& /*event*/) { return "start"; }
std::string text(const WorkerHeard& event) { return "worker-heard " + text(event.id); }
std::string text(const WorkerExecuted& event) { return "worker-executed " + text(event.id); }
std::string text(const WorkerReady& event) { return "worker-ready " + text(event.id); }
std::string text(const WorkerStopping& event) { return "worker-stopping " + text(event.id); }
std::string text(const WorkerAlive& event) { return "worker-alive " + text(event.id); }
std::string text(const WorkerWatchdogTimeout& event) {
  return "worker-watchdog-timeout " + text(event.id) + ": " + format_time_span(event.timeout);
}
std::string text(const WorkerWatchdogTrigger& event) { return "worker-watchdog-trigger " + text(event.id); }
std::string text(const WorkerExtends& event) {
  return "worker-extends " + text(event.id) + ": " + format_time_span(event.by);
}
std::string text(const WorkersUnheard& event) {
  std::string all = "workers-unheard";
  for (const WorkerId id : event.ids) all += ' ' + text(id);
  return all;
}
std::string text(const WorkerMeasured& event) {
  return "worker-measured " + text(event.id) + ": requests " + std::to_string(event.requests) +
         (event.memory_bytes ? ", memory " + std::to_string(*event.memory_bytes) : "");
}
std::string text(const WorkerExited& event) {
  return "worker-exited " + text(event.id) + " (pid " + std::to_string(event.pid) + "): " + to_string(event.status) +
         (event.oom ? ", oom" : "") + (event.remains ? ", remains" : "");
}
std::string text(const RemainsGone& event) { return "remains-gone " + text(event.id); }
std::string text(const LaunchFailed& event) {
  return "launch-failed " + text(event.id) + ": " + errno_text(event.error);
}
std::string text(const Reload& /*event*/) { return "reload"; }
std::string text(const Adopt& /*event*/) { return "adopt"; }
std::string text(const Resize& event) { return "resize " + std::to_string(event.workers); }
std::string text(const Recycle& event) { return "recycle " + std::to_string(event.slot); }
std::string text(const Kill& event) { return "kill " + std::to_string(event.slot) + ' ' + signal_name(event.signal); }
std::string text(const Stop& /*event*/) { return "stop"; }
std::string text(const StopNow& /*event*/) { return "stop-now"; }
std::string text(const Tick& /*event*/) { return "tick"; }

}  // namespace
}  // namespace event

std::string to_string(const Event& event) {
  return std::visit([](const auto& what) { return event::text(what); }, event);
}

}  // namespace preforkd
