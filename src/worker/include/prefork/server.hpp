// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/close_reason.hpp>
#include <prefork/connection.hpp>
#include <prefork/export.hpp>
#include <prefork/framing.hpp>
#include <prefork/limits.hpp>

namespace prefork {
inline namespace v0 {

// Who this process is in its pool. Alone, or under systemd without preforkd: pool is empty, slot 0, generation 1.
struct WorkerIdentity {
  std::string pool;
  unsigned slot = 0;
  unsigned generation = 1;
};

enum class TimerId : std::uint64_t {};
enum class WatchId : std::uint64_t {};

// What watch() waits for: epoll(7) bits EPOLLIN, EPOLLOUT; a callback also sees EPOLLERR and EPOLLHUP.
using WatchEvents = std::uint32_t;

// A TCP or UNIX stream server: one event loop, one thread, one process; the pool gives the parallelism.
//
//   prefork::Server server;
//   server.framing(prefork::Framing::lines());
//   server.on_message([](prefork::Connection& c, std::string_view line) { c.send({"received: ", line}); });
//   return server.run();
//
// Listening sockets come from preforkd, from systemd or from systemd-socket-activate (LISTEN_FDS), else from listen().
//
// Threads: callbacks run on the thread that called run() and must not block it: a blocking callback blocks this worker
// (and only this one). Everything here and every Connection, ConnectionRef and Reply belongs to that thread; only
// post() and stop() may be called from another one. Threads of your own belong into on_worker_start: they then inherit
// the signal mask and never take the worker's SIGTERM. All setters belong before run().
//
// Exceptions: a callback of a connection that throws closes it with CloseReason::handler_failed once the replies before
// it are sent. Any other callback that throws ends the worker: every connection is closed, on_worker_stop runs, run()
// returns 1.
//
// Callbacks may close any connection, cancel any timer and end any watch, their own included. on_close runs once for
// each connection that on_connect ran for, after the callback that closed it has returned.
//
// To leave (SIGTERM, SIGINT, stop(), the end of the master) means: no client is accepted any more; each connection is
// answered what it had sent by then, deferred replies and a message that has begun to arrive are waited for, and then
// it is closed. See Limits::drain_timeout, Limits::drain_idle_at_once and Limits::first_message_grace.
class PREFORK_EXPORT Server {
 public:
  // Takes the worker contract's variables out of the environment, so that children do not take them for theirs. Throws
  // std::system_error if the kernel refuses an event loop.
  Server();
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Server& framing(const Framing& framing);
  Server& limits(const Limits& limits);
  // Used when no socket is given by the environment. "127.0.0.1:9505", "[::]:80", "/run/x.sock", "@abstract". May be
  // called several times.
  Server& listen(std::string_view address);

  Server& on_connect(std::function<void(Connection&)> callback);
  // `message` is valid during the call.
  Server& on_message(std::function<void(Connection&, std::string_view message)> callback);
  Server& on_close(std::function<void(Connection&, CloseReason)> callback);
  Server& on_worker_start(std::function<void()> callback);  // before READY=1: load what the worker needs
  Server& on_drain(std::function<void()> callback);  // told to leave; the sockets are closed, connections still open
  Server& on_worker_stop(std::function<void()> callback);  // the last connection is gone

  // The application's own keys of "settings" in the pool's config: the value or `fallback`. Reading a key makes it
  // known; run() rejects keys that nobody knows (exit status 78, naming the nearest known key), as it does values of
  // another type.
  [[nodiscard]] bool setting(std::string_view key, bool fallback);
  [[nodiscard]] std::int64_t setting(std::string_view key, std::int64_t fallback);
  [[nodiscard]] std::string setting(std::string_view key, const char* fallback);

  // Timers, monotonic clock, resolution 1 ms, never early. every() leaves out what a blocking callback made it miss.
  TimerId after(std::chrono::milliseconds delay, std::function<void()> callback);
  TimerId every(std::chrono::milliseconds interval, std::function<void()> callback);
  void cancel(TimerId timer) noexcept;  // a timer that has run or was cancelled: nothing happens

  // Calls back while `fd` (borrowed, must stay open until unwatch) is ready; level-triggered. Throws std::system_error
  // if epoll refuses it.
  WatchId watch(int fd, WatchEvents events, std::function<void(WatchEvents)> callback);
  void unwatch(WatchId watch) noexcept;

  // Runs `callback` on the server's thread in its next turn. Any thread.
  void post(std::function<void()> callback);

  // Begins to leave as on SIGTERM; before run(): run() leaves as soon as it has started. Any thread, signal-safe.
  void stop() noexcept;

  [[nodiscard]] const WorkerIdentity& worker() const noexcept;
  // Where this worker listens ("127.0.0.1:9505"; the port that the kernel chose for port 0), from on_worker_start on.
  // Of a UNIX socket that preforkd bound, the name beside its path (preforkd.json(5)).
  [[nodiscard]] std::vector<std::string> addresses() const;
  // One line after STATUS= for systemctl status and preforkctl; by default the library tells its connections.
  void status(std::string_view text);

  // Serves until told to leave: SIGTERM or SIGINT (again: at once), stop(), or the end of the master. Returns the
  // process's exit status: 0, or, after a line on stderr, 78 (settings or environment), 69 (no socket), 64 (an address
  // of listen() that cannot be read), 71 (the system refused something), 1 (a callback threw). SIGTERM, SIGINT and
  // SIGPIPE are its own meanwhile. The soft limit of descriptors is raised as far as max_connections needs it.
  [[nodiscard]] int run();

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace prefork
