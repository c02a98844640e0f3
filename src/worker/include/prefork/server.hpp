// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <prefork/close_reason.hpp>
#include <prefork/connection.hpp>
#include <prefork/counter.hpp>
#include <prefork/export.hpp>
#include <prefork/framing.hpp>
#include <prefork/limits.hpp>
#include <prefork/service.hpp>
#include <prefork/setting_types.hpp>

namespace prefork {
inline namespace v0 {

// The identity of this process in its pool. Without preforkd: pool is empty, slot 0, generation 1.
struct WorkerIdentity {
  std::string pool;
  unsigned slot = 0;
  unsigned generation = 1;
};

// Another worker of this pool, to which this one can send messages.
struct PoolWorker {
  std::uint64_t id = 0;  // of this process; a younger one of the pool has a higher one
  unsigned slot = 0;
  unsigned generation = 1;
  int pid = 0;
};

// What became of a message to another worker.
enum class SendResult : std::uint8_t {
  sent,       // it is on its way: in the other worker's socket, or in the queue for it
  no_worker,  // there is no such worker, or it has left
  full,       // the queue for it is full (Limits::worker_queue): the message is dropped and counted
};

// The value 0 (TimerId{}, WatchId{}) is "none": no timer and no watch ever has it, and it may be cancelled.
enum class TimerId : std::uint64_t {};
enum class WatchId : std::uint64_t {};

// Events of watch(): the epoll(7) bits EPOLLIN and EPOLLOUT; a callback may also get EPOLLERR and EPOLLHUP.
using WatchEvents = std::uint32_t;

// A TCP or UNIX stream server: one event loop on one thread of one process. A pool runs several processes in parallel.
//
//   prefork::Server server;
//   server.framing(prefork::Framing::lines());
//   server.on_message([](prefork::Connection& c, std::string_view line) { c.send({"received: ", line}); });
//   return server.run();
//
// Listening sockets come from preforkd, systemd or systemd-socket-activate (LISTEN_FDS), otherwise from listen().
//
// Threads: callbacks run on the thread that called run(). A blocking callback blocks this worker (and only this one).
// Use the server and every Connection and ConnectionRef on that thread only; post(), stop() and Counter::add() may be
// called from any thread, and a Reply may be sent or destroyed on any. Call the functions that return Server&, a
// Counter or a CloseReason before run(): during it they throw std::logic_error, as a second run() does. A callback must
// not destroy the server: that aborts the process.
//
// Signals: from its construction to its destruction a server handles SIGTERM and SIGINT, on any thread, as a request to
// drain. One that arrives before run() makes run() drain as soon as it has started. SIGPIPE, SIGHUP, SIGUSR1 and
// SIGUSR2 do nothing, unless the program handles or ignores them itself. A handler that the program installs after the
// construction stays, also for SIGTERM and SIGINT: let it call stop(). These are handlers (SA_RESTART), so system calls
// of a callback may return EINTR as usual. Programs that a worker starts have the default actions, and nothing blocked.
// A child that is forked without exec ends at SIGTERM and SIGINT.
//
// Forks: a server belongs to the process that has made it. In a forked child run() throws std::logic_error, and the
// destructor, also in a callback, has no effect on the parent.
//
// Exceptions: if a callback of a connection throws, the connection is closed with CloseReason::handler_failed after the
// replies before it are sent. If a timer, a watch, a posted call or on_leave throws, the worker continues: a timer of
// every() is called again, and a watch is ended as by unwatch(). on_error may decide more, for instance stop(). The log
// names these exceptions, at most one of each kind a second. If on_worker_start throws, the worker does not start, and
// run() returns 1; if on_worker_stop throws, it returns 1, too.
//
// Callbacks may close any connection, cancel any timer and end any watch, including their own. on_close runs once for
// each connection for which on_connect ran, after the callback that closed it has returned.
//
// Draining (SIGTERM, SIGINT, stop(), death of the master): the worker stops accepting connections. It answers the
// requests that each connection has sent by then, waits for deferred replies and for the rest of a message that has
// begun, and then closes the connection. See Limits::drain_timeout, Limits::drain_idle,
// Limits::drain_spread and Limits::first_message_grace.
class PREFORK_EXPORT Server {
 public:
  // Removes the variables that preforkd and systemd set (LISTEN_FDS, …) from the environment, so that child processes
  // do not use them. Throws std::system_error if the event loop can't be created.
  Server();
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Server& framing(const Framing& framing);
  Server& limits(const Limits& limits);
  // An address to use if the environment has no sockets: "127.0.0.1:9505", "[::]:80", "/run/x.sock" or "@abstract". May
  // be called several times.
  Server& listen(std::string_view address);

  Server& on_connect(std::function<void(Connection&)> callback);
  // `message` is valid only during the call.
  Server& on_message(std::function<void(Connection&, std::string_view message)> callback);
  Server& on_close(std::function<void(Connection&, CloseReason)> callback);
  // The output had grown above output_high_mark, and half of that is left: Connection::writable() is true again.
  Server& on_writable(std::function<void(Connection&)> callback);
  // While a reply is owed, the client has ended its side: it waits only for the reply, or is gone. Called at most once
  // for a connection.
  Server& on_half_close(std::function<void(Connection&)> callback);
  // A connection that another worker of this pool had, with what keep() has kept of it. An application that has this
  // callback allows its connections to move: when a worker leaves (reload, recycle, resize), its successor
  // gets them, with the beginning of a message and with unsent output. on_connect does not run here, on_close runs in
  // the other worker with CloseReason::handed_over; data<T>(), ConnectionRef, id() and timers stay behind, and so does
  // the framing of Connection::framing(). `version` is the state_version() of the program that kept the state; 0 if
  // nothing was kept. What it sends goes out when the connection has arrived. It is called once more, for a connection
  // that is here already, if the other worker's program called keep() while the connection was on its way. If it
  // throws, or the other worker waits no longer, the connection does not move and on_close runs here with handed_over:
  // the worker that has it drains it, or serves it on if it stays itself.
  Server& on_adopt(std::function<void(Connection&, std::string_view state)> callback);
  Server& on_adopt(std::function<void(Connection&, std::string_view state, unsigned version)> callback);

  // A service of its own for the sockets that LISTEN_FDNAMES calls `name` ("name" in "listen" of the pool's config);
  // the setters above are for all other sockets. run() fails (69) if there is no such socket.
  [[nodiscard]] Service service(std::string_view name);

  // The version of what this program gives to Connection::keep(), 1…2^32-1. Default: 1.
  Server& state_version(unsigned version);

  // A counter of the application, which preforkctl shows and measures as a total of the pool: "jobs_done". The same
  // name gives the same counter. Throws std::invalid_argument unless the name is [a-z][a-z0-9_]{0,39},
  // std::length_error if the server has 32 counters already.
  [[nodiscard]] Counter counter(std::string_view name);
  // A reason for Connection::close() and close_after_flush(): "quota-exceeded". on_close gets it, to_string() gives its
  // name, and the connections closed for it are counted with those of the library's reasons. The same name gives the
  // same reason, also in another server of this process; a name of the library gives the library's. Throws
  // std::invalid_argument unless the name is [a-z][a-z0-9-]{0,39}, std::length_error if the process has 32 of its own.
  [[nodiscard]] CloseReason close_reason(std::string_view name);

  // A message of another worker of this pool (send_to(), broadcast()), of 0…64 KiB; it is valid only during the call.
  // Messages of one worker come in the order in which it has sent them, each once. A server with this callback can send
  // and receive; others have no part in it. The master introduces workers in slots 0…255 to each other when they are
  // ready, so none comes before on_worker_start has returned. They come until the worker has ended, also while it
  // drains. If it throws, that is handled as for a timer. Like on_message it should not take long: messages wait
  // meanwhile in the senders.
  Server& on_worker_message(std::function<void(const PoolWorker& from, std::string_view message)> callback);

  // Before READY=1: load data here.
  Server& on_worker_start(std::function<void()> callback);
  // The drain begins; the listening sockets are closed, the connections are open.
  Server& on_leave(std::function<void()> callback);
  // The last connection is closed.
  Server& on_worker_stop(std::function<void()> callback);
  // Gets an exception of a timer, a watch, a posted call, on_leave or on_worker_stop, after it was logged.
  Server& on_error(std::function<void(std::exception_ptr)> callback);

  // The application's own keys of "settings" in the pool's config: the value, or `fallback`. Reading a key makes it
  // known. run() rejects unknown keys (exit status 78, with the nearest known key) and values of another type or out of
  // range. The type of `fallback` says what a value must be:
  //   bool                       true or false
  //   an integer, not a char     a whole number in the range of the type
  //   float, double              a number
  //   what std::string_view takes a string; the result is a std::string
  //   a std::chrono duration     a time span such as "5min", from 0 to 365d or to the longest of the type, rounded up
  //                              to its unit
  //   ByteSize                   a size such as "64K"
  //   std::vector<std::string>   a list of strings
  template <class Bool, std::enable_if_t<std::is_same_v<Bool, bool>, int> = 0>
  [[nodiscard]] bool setting(std::string_view key, Bool fallback) {
    return bool_setting(key, fallback);
  }
  template <class Integer, std::enable_if_t<is_setting_integer<Integer> && std::is_signed_v<Integer>, int> = 0>
  [[nodiscard]] Integer setting(std::string_view key, Integer fallback) {
    using Range = std::numeric_limits<Integer>;
    return static_cast<Integer>(signed_setting(key, fallback, Range::min(), Range::max()));
  }
  template <class Integer, std::enable_if_t<is_setting_integer<Integer> && std::is_unsigned_v<Integer>, int> = 0>
  [[nodiscard]] Integer setting(std::string_view key, Integer fallback) {
    return static_cast<Integer>(unsigned_setting(key, fallback, std::numeric_limits<Integer>::max()));
  }
  template <class Number, std::enable_if_t<std::is_floating_point_v<Number>, int> = 0>
  [[nodiscard]] Number setting(std::string_view key, Number fallback) {
    return static_cast<Number>(number_setting(key, static_cast<double>(fallback)));
  }
  template <class Text, IfText<Text> = 0>
  [[nodiscard]] std::string setting(std::string_view key, const Text& fallback) {
    return text_setting(key, fallback);
  }
  template <class Rep, class Period>
  [[nodiscard]] std::chrono::duration<Rep, Period> setting(std::string_view key,
                                                           std::chrono::duration<Rep, Period> fallback) {
    const auto span = span_setting(key, longest_setting<Rep, Period>());
    if (!span) return fallback;
    return rounded_up<Rep, Period>(*span);
  }
  [[nodiscard]] ByteSize setting(std::string_view key, ByteSize fallback);
  [[nodiscard]] std::vector<std::string> setting(std::string_view key, const std::vector<std::string>& fallback);
  // Any value, for instance an object, as JSON text; nullopt if the key is absent.
  [[nodiscard]] std::optional<std::string> setting_json(std::string_view key);

  // Timers on the monotonic clock, with a resolution of 1 ms; never early. every() skips calls that a blocking callback
  // made it miss. A delay or an interval above 365 days counts as 365 days, an interval below 1 ms as 1 ms. Throws
  // std::length_error if there are 2^24 timers already.
  TimerId after(std::chrono::milliseconds delay, std::function<void()> callback);
  TimerId every(std::chrono::milliseconds interval, std::function<void()> callback);
  void cancel(TimerId timer) noexcept;  // does nothing if the timer has run or was cancelled

  // Calls back while `fd` is ready (level-triggered). `fd` must stay open until unwatch(). Throws std::system_error if
  // epoll rejects it.
  WatchId watch(int fd, WatchEvents events, std::function<void(WatchEvents)> callback);
  // Waits for other events from now on; with 0 only for EPOLLERR and EPOLLHUP. Does nothing if the watch has ended.
  // Throws std::system_error if epoll rejects the events.
  void rewatch(WatchId watch, WatchEvents events);
  void unwatch(WatchId watch) noexcept;  // does nothing if it has ended

  // Runs `callback` on the server's thread in the next turn of its event loop. May be called from any thread.
  void post(std::function<void()> callback);

  // Begins to drain, as on SIGTERM. If called before run(), run() drains as soon as it has started. May be called from
  // any thread and from signal handlers.
  void stop() noexcept;

  // The other workers of the pool that are ready or drain and have on_worker_message. During a reload a slot may have
  // two. Empty outside a pool of preforkd, outside run(), and in a slot above 255.
  [[nodiscard]] std::vector<PoolWorker> other_workers() const;
  // Sends a message to another worker's on_worker_message; by slot to the youngest other worker there. It goes
  // directly, not through the master. `sent` means that it arrives unless that worker ends before: between workers that
  // live none is lost. What the socket does not take at once waits in a queue for that worker. A worker that ends in
  // order sends what is queued before, for at most 5 s after its last connection. Throws std::length_error for more
  // than 64 KiB.
  // on_worker_stop may still send, but then nothing is queued.
  SendResult send_to(unsigned slot, std::string_view message);
  SendResult send_to(const PoolWorker& worker, std::string_view message);
  // Sends it to all other_workers(), not to this one. Returns to how many it is on its way; for the others it was
  // dropped and counted. Throws as send_to(). It reaches workers, not connections: a connection that moves to another
  // worker at that moment may be in neither or in both when it arrives.
  std::size_t broadcast(std::string_view message);

  [[nodiscard]] const WorkerIdentity& worker() const noexcept;
  // The addresses on which this worker listens ("127.0.0.1:9505"; with the actual port for port 0), from
  // on_worker_start on. For a UNIX socket that preforkd bound this is the temporary name next to its path, see
  // preforkd.json(5).
  [[nodiscard]] std::vector<std::string> addresses() const;
  // Sets the status line (STATUS=) for systemctl status and preforkctl. Default: the number of connections.
  void status(std::string_view text);

  // Serves until SIGTERM or SIGINT, stop(), or the death of the master, then drains; a second signal ends it at once.
  // Returns the exit status for the process: 0 after a drain. In case of an error it prints a line on stderr and
  // returns 78 (wrong settings or environment), 69 (no socket), 64 (an invalid address in listen()), 71 (a system call
  // failed) or 1 (on_worker_start or on_worker_stop threw, or the event loop failed). During the call SIGTERM and
  // SIGINT are not blocked on this thread. It raises the soft limit of open files as far as max_connections needs.
  // After it has returned it may be called again, but not with sockets from the environment: these are closed then
  // (69).
  [[nodiscard]] int run();

  class Impl;

 private:
  [[nodiscard]] bool bool_setting(std::string_view key, bool fallback);
  [[nodiscard]] std::int64_t signed_setting(std::string_view key, std::int64_t fallback, std::int64_t min,
                                            std::int64_t max);
  [[nodiscard]] std::uint64_t unsigned_setting(std::string_view key, std::uint64_t fallback, std::uint64_t max);
  [[nodiscard]] double number_setting(std::string_view key, double fallback);
  [[nodiscard]] std::string text_setting(std::string_view key, std::string_view fallback);
  [[nodiscard]] std::optional<std::chrono::microseconds> span_setting(std::string_view key,
                                                                      std::chrono::microseconds max);

  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace prefork
