// SPDX-License-Identifier: MIT
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace preforkd::client {

// A server for the client's tests, on a port of 127.0.0.1 that the kernel chose: `serve` gets each connection on its
// own thread, with a blocking socket, which is closed when it returns.
class LineServer {
 public:
  using Serve = std::function<void(int socket, unsigned number)>;

  explicit LineServer(Serve serve)
      : serve_(std::move(serve)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof name;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&name), length) != 0 || listen(listener_, 512) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &length) != 0) {
      std::abort();
    }
    address_ = "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
    acceptor_ = std::thread([this] { accept_all(); });
  }
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;
  ~LineServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int connection : open_) shutdown(connection, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  void accept_all() {
    for (unsigned number = 0;; ++number) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      const std::lock_guard lock(mutex_);
      open_.push_back(connection);
      threads_.emplace_back([this, connection, number] {
        serve_(connection, number);
        const std::lock_guard inner(mutex_);
        open_.remove(connection);
        close(connection);
      });
    }
  }

  Serve serve_;
  int listener_;
  std::string address_;
  std::mutex mutex_;
  std::list<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

inline bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

// The next line without its newline; false at the end of the input.
inline bool receive_line(int socket, std::string& rest, std::string& line) {
  for (;;) {
    if (const std::size_t end = rest.find('\n'); end != std::string::npos) {
      line = rest.substr(0, end);
      rest.erase(0, end + 1);
      return true;
    }
    char buffer[65536];
    const ssize_t size = recv(socket, buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    rest.append(buffer, static_cast<std::size_t>(size));
  }
}

// The echo service; answers "quit", too, then returns.
inline void serve_echo(int socket, unsigned) {
  std::string rest;
  std::string line;
  while (receive_line(socket, rest, line)) {
    if (!send_all(socket, "received: " + line + "\n") || line == "quit") return;
  }
}

// Ends the connection with a reset.
inline void reset_connection(int socket) {
  const linger at_once{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// An address without a listener: its port was just free, and the kernel does not reuse it so soon.
inline std::string unused_address() {
  return LineServer([](int, unsigned) {}).address();
}

}  // namespace preforkd::client
