// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <prefork/export.hpp>

namespace prefork {
inline namespace v0 {

class Reply;

// One client. The library owns it: a reference is valid inside the callback that got it and until on_close has returned
// for it; keep a ConnectionRef or a Reply to come back to it later. Every call belongs to the thread that runs
// Server::run().
class PREFORK_EXPORT Connection {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Queues one message, wrapped in the server's framing. The parts are joined without a copy of your own:
  // c.send({"received: ", line}). What one read's messages cause is sent in one write. Nothing happens on a closing
  // connection. Throws std::length_error for a message that the framing's length prefix cannot count.
  void send(std::string_view message) { send({message}); }
  void send(std::initializer_list<std::string_view> parts);
  // Queues bytes as they are, without framing.
  void write(std::string_view bytes);

  // Promises a later reply to the message in hand (on_message only). Until the Reply is sent or destroyed this
  // connection gets no further message, so replies keep their order, and a drain waits for it.
  [[nodiscard]] Reply defer();

  // Ends the connection: at once, unsent output is dropped, and replies that the client has not read yet may be lost …
  void close() noexcept;
  // … or when the output queued so far was sent; no further message is delivered, and what the client still sends is
  // read and dropped for a moment, since closing on it would destroy the last replies on their way.
  void close_after_flush() noexcept;
  // on_close follows in both cases, once, after the callback that runs now.

  // "127.0.0.1:40112", "[::1]:40112", "unix" where the peer has no name.
  [[nodiscard]] std::string peer() const;
  // Unique within this worker, never used twice.
  [[nodiscard]] std::uint64_t id() const noexcept;
  // Bytes queued and not yet taken by the kernel.
  [[nodiscard]] std::size_t unsent() const noexcept;
  // The descriptor, borrowed: for getsockopt and the like, not for reading, writing or closing.
  [[nodiscard]] int fd() const noexcept;

  // The application's own data of this connection: one object of any type, destroyed after on_close.
  template <class T, class... Args>
  T& emplace_data(Args&&... args) {
    auto* object = new T(std::forward<Args>(args)...);
    reset_data(object, [](void* data) { delete static_cast<T*>(data); });
    return *object;
  }
  // The T of the last emplace_data<T>, or nullptr if there was none. The type is not checked: use one type a server.
  template <class T>
  [[nodiscard]] T* data() const noexcept {
    return static_cast<T*>(raw_data());
  }

 protected:
  Connection() = default;
  ~Connection() = default;

 private:
  void reset_data(void* object, void (*destroy)(void*)) noexcept;
  [[nodiscard]] void* raw_data() const noexcept;
};

// Finds a connection again, or learns that it is gone. A small value; safe after the connection's and the server's end.
// Only on the server's thread: elsewhere it finds nothing.
class PREFORK_EXPORT ConnectionRef {
 public:
  ConnectionRef() noexcept = default;
  explicit ConnectionRef(Connection& connection) noexcept;
  // nullptr once on_close has returned.
  [[nodiscard]] Connection* get() const noexcept;

 private:
  std::uint64_t id_ = 0;
};

// The reply that a handler promised with Connection::defer(). Move-only. Sent or destroyed at any time, also after the
// connection is gone: then nothing happens. Destroyed unsent, it lets the connection go on without a reply.
class PREFORK_EXPORT Reply {
 public:
  Reply() noexcept = default;
  Reply(Reply&& other) noexcept;
  Reply& operator=(Reply&& other) noexcept;
  ~Reply();

  // Sends the reply and lets the connection go on. A second call does nothing.
  void send(std::string_view message) { send({message}); }
  void send(std::initializer_list<std::string_view> parts);
  // nullptr once the connection is gone.
  [[nodiscard]] Connection* connection() const noexcept;

 private:
  friend class Connection;
  explicit Reply(Connection& connection) noexcept;
  void release() noexcept;
  ConnectionRef connection_;
  bool pending_ = false;
};

}  // namespace v0
}  // namespace prefork
