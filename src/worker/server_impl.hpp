// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/server.hpp>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/worker_env.hpp"
#include "worker/base/error_policy.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/post_queue.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/base/user_timers.hpp"
#include "worker/base/watches.hpp"
#include "worker/connection/service.hpp"
#include "worker/service/settings.hpp"
#include "worker/service/statistics.hpp"
#include "worker/service/worker_signals.hpp"
#include "worker/talk/talk.hpp"

namespace prefork {
inline namespace v0 {

// What a program sets before run(), and what outlives one run(): the loop, timers, watches and posted calls.
class __attribute__((visibility("hidden"))) Server::Impl {
 public:
  // Removes the worker contract's variables from the environment.
  Impl();
  ~Impl() { posts->close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int run();
  // Throws std::logic_error during run(): `function` would change what the run has copied, or refers to.
  Impl& before_run(const char* function);

  bool running = false;
  void set_running(bool now) noexcept;
  internal::ErrorPolicy errors;
  internal::EventLoop loop;
  internal::TimerWheel wheel;
  std::shared_ptr<internal::PostQueue> posts;  // shared with replies, which may outlive the server
  internal::WorkerSignals signals;
  internal::UserTimers timers;
  internal::Watches watches;

  preforkd::Result<preforkd::worker_env::Given> given;
  bool sockets_taken = false;  // those of `given`, by a run(): it has closed them at its end
  WorkerIdentity identity;
  std::string label;  // "echo[2]": pool and slot; empty outside a pool
  internal::Settings settings;
  internal::Statistics statistics;

  std::list<internal::ServiceSetup> services = std::list<internal::ServiceSetup>(1);  // the first one has no name
  Service main{services.front()};
  unsigned state_version = 1;
  std::function<void()> on_worker_start;
  std::function<void(const PoolWorker&, std::string_view)> on_worker_message;
  std::function<void()> on_leave;
  std::function<void()> on_worker_stop;

  std::optional<internal::Talk> talk;  // during a run, with an on_worker_message

  std::vector<std::string> addresses;  // of the listening sockets of the run
  std::string status;                  // the application's STATUS= text
  bool status_changed = false;
};

}  // namespace v0
}  // namespace prefork
