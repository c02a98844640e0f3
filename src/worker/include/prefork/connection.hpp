// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <prefork/close_reason.hpp>
#include <prefork/export.hpp>
#include <prefork/proxy_header.hpp>

namespace prefork {

namespace internal {
class PostQueue;
}

inline namespace v0 {

class Framing;
class Reply;

// Makes a template accept what converts to std::string_view, except nullptr.
template <class Text>
using IfText =
    std::enable_if_t<std::is_convertible_v<const Text&, std::string_view> && !std::is_null_pointer_v<Text>, int>;

// One client. The library owns it: a reference is valid in the callback that gets it, and until on_close has returned.
// To use a connection later, keep a ConnectionRef or a Reply. All functions are for the thread that runs Server::run().
class PREFORK_EXPORT Connection {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Queues one message, with the server's framing. The parts are concatenated: c.send({"received: ", line}). The
  // replies to the messages that arrived together are sent in one write. Does nothing on a closing connection. A
  // message that is too long for the length prefix closes the connection (CloseReason::reply_too_long), and so does one
  // behind more unsent output than max_output (CloseReason::output_limit).
  void send(std::initializer_list<std::string_view> parts);
  // A template, because a parameter of type std::string_view would take {"count: ", 41} for a pointer and a length.
  template <class Text, IfText<Text> = 0>
  void send(const Text& message) {
    send({std::string_view(message)});
  }
  // Queues bytes as they are, without framing.
  template <class Text, IfText<Text> = 0>
  void send_raw(const Text& bytes) {
    send_raw_bytes(bytes);
  }

  // Promises a later reply to the current message (in on_message only). Until the Reply is sent or destroyed, this
  // connection delivers no further message, so replies keep their order. A drain waits for the Reply;
  // reply_timeout bounds how long. on_half_close tells when the client ends its side meanwhile.
  [[nodiscard]] Reply defer();

  // What a successor has to know of this connection (a login, a subscription): kept where it outlives this worker, and
  // given to on_adopt with the connection. Replaces what was kept before. Throws std::length_error above
  // max_kept_state. Without on_adopt, or outside a pool, it does nothing else.
  void keep(std::string_view state);
  // The connection does not move to another worker until as many calls of unpin(): the application is in the middle of
  // something that keep() cannot express.
  void pin() noexcept;
  void unpin() noexcept;

  // Splits what comes next, and frames what is sent from now on, in another way. Not from within a custom framing.
  void framing(const Framing& framing);

  // Closes the connection at once. Unsent output is dropped, and replies that the client has not read may be lost.
  void close() noexcept;
  void close(CloseReason why) noexcept;
  // Closes the connection when all queued output is sent. No further message is delivered. Data that the client still
  // sends is read and dropped for a short time, because closing with unread data would destroy the last replies. A
  // reply that is still owed is not waited for.
  void close_after_flush() noexcept;
  void close_after_flush(CloseReason why) noexcept;
  // In both cases on_close is called once, after the current callback has returned. It gets `why`, one of
  // Server::close_reason() or of the library's, under whose name the connection is also counted. Without it, or if it
  // is neither, the reason is closed_by_server.

  // "127.0.0.1:40112", "[::1]:40112", or "unix" if the peer has no name. Behind a proxy: what that says of its client
  // (Limits::proxy_protocol).
  [[nodiscard]] std::string peer() const;
  // What else the proxy has said: during this connection's on_connect; nullptr at other times, and without a header.
  [[nodiscard]] const ProxyHeader* proxy_header() const noexcept;
  // Unique within this worker; never reused.
  [[nodiscard]] std::uint64_t id() const noexcept;
  // Queued bytes that the kernel has not accepted yet.
  [[nodiscard]] std::size_t unsent() const noexcept;
  // False if these are more than output_high_mark, until on_writable: for senders that adapt to the client.
  [[nodiscard]] bool writable() const noexcept;
  // The client has sent an end of file. Its messages may still wait; it may still read.
  [[nodiscard]] bool half_closed() const noexcept;
  // The name of the listening socket (LISTEN_FDNAMES), empty if it has none.
  [[nodiscard]] std::string_view listener() const noexcept;
  // The file descriptor, for getsockopt(2) and similar calls. Do not read, write or close it.
  [[nodiscard]] int fd() const noexcept;

  // Application data of this connection: one object of any type, destroyed after on_close.
  template <class T, class... Args>
  T& set_data(Args&&... args) {
    auto* object = new T(std::forward<Args>(args)...);
    reset_data(object, [](void* data) { delete static_cast<T*>(data); });
    return *object;
  }
  // The object of the last set_data<T>, or nullptr. The type is not checked: use one type per server.
  template <class T>
  [[nodiscard]] T* data() const noexcept {
    return static_cast<T*>(raw_data());
  }

 protected:
  Connection() = default;
  ~Connection() = default;

 private:
  void send_raw_bytes(std::string_view bytes);
  void reset_data(void* object, void (*destroy)(void*)) noexcept;
  [[nodiscard]] void* raw_data() const noexcept;
};

// A weak reference to a connection. A small value that may outlive the connection and the server. Only for the server's
// thread: get() returns nullptr on any other.
class PREFORK_EXPORT ConnectionRef {
 public:
  ConnectionRef() noexcept = default;
  explicit ConnectionRef(Connection& connection) noexcept;
  // nullptr once on_close has returned.
  [[nodiscard]] Connection* get() const noexcept;
  explicit operator bool() const noexcept { return get() != nullptr; }
  friend bool operator==(const ConnectionRef& a, const ConnectionRef& b) noexcept { return a.id_ == b.id_; }
  friend bool operator!=(const ConnectionRef& a, const ConnectionRef& b) noexcept { return !(a == b); }

 private:
  friend class Reply;
  std::uint64_t id_ = 0;
};

// The reply that a handler promised with Connection::defer(). Move-only. It may be sent or destroyed at any time and on
// any thread; after the end of the connection or of the server that does nothing. If it is destroyed unsent, the
// connection continues without a reply.
class PREFORK_EXPORT Reply {
 public:
  Reply() noexcept = default;
  Reply(Reply&& other) noexcept;
  Reply& operator=(Reply&& other) noexcept;
  ~Reply();

  // Sends the reply and continues the connection. A second call does nothing. Throws std::bad_alloc on another thread.
  void send(std::initializer_list<std::string_view> parts);
  template <class Text, IfText<Text> = 0>
  void send(const Text& message) {
    send({std::string_view(message)});
  }
  // nullptr after the end of the connection, and on other threads than that of the server.
  [[nodiscard]] Connection* connection() const noexcept;
  // Not sent yet.
  explicit operator bool() const noexcept { return pending_; }

 private:
  friend class Connection;
  explicit Reply(Connection& connection) noexcept;
  [[nodiscard]] bool is_home() const noexcept;
  void release() noexcept;
  ConnectionRef connection_;
  bool pending_ = false;
  std::shared_ptr<internal::PostQueue> home_;
};

}  // namespace v0
}  // namespace prefork
