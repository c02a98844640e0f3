// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "support/deadline.hpp"

namespace preforkd::component {

// Why a client's call failed.
class ClientError : public HarnessError {
 public:
  enum class Kind { no_connection, reset, closed, timed_out };
  ClientError(Kind kind, const std::string& text) : HarnessError(text), kind_(kind) {}
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

// A client connection whose calls all have a deadline: they throw ClientError when it passes or the socket fails.
class Client {
 public:
  struct Options {
    std::optional<int> receive_buffer;  // SO_RCVBUF, for a reader that should fall behind soon
    Deadline deadline{};
  };
  // "127.0.0.1:9505", "[::1]:9505", "/path", "@name".
  explicit Client(const std::string& address) : Client(address, Options()) {}
  Client(const std::string& address, const Options& options);

  // Sends all of it. `send_some` sends what the kernel takes at once and returns how much that was.
  void send(std::string_view bytes, const Deadline& deadline = {});
  std::size_t send_some(std::string_view bytes);
  void shutdown_write();

  // One line without its '\n'.
  std::string read_line(const Deadline& deadline = {});
  std::string read_exactly(std::size_t size, const Deadline& deadline = {});
  // Everything up to end-of-file; fails on a reset.
  std::string read_to_end(const Deadline& deadline = {});
  // True once the server has closed or reset the connection; drops what arrives before.
  bool wait_closed(const Deadline& deadline = {});
  // Sends a line and reads one.
  std::string ask(std::string_view line, const Deadline& deadline = {});

  // Ends with a reset instead of an end-of-file.
  void reset();
  void close() { fd_.reset(); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  enum class Read { some, end, failed };
  Read read_some(const Deadline& deadline);
  static ClientError ended(Read how, const std::string& text);

  UniqueFd fd_;
  std::string buffer_;
};

// Whether a connection to `address` is accepted by the kernel now.
[[nodiscard]] bool can_connect(const std::string& address);

}  // namespace preforkd::component
