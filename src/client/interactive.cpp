// SPDX-License-Identifier: MIT
#include "client/interactive.hpp"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "client/base/connect.hpp"

namespace preforkd::client {
namespace {

// One direction: bytes read and not yet written, and the number of lines that went through.
class Flow {
 public:
  [[nodiscard]] bool room() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::string_view pending() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }
  [[nodiscard]] char* space() noexcept { return buffer_.data(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return buffer_.size(); }

  void filled(std::size_t size) noexcept {
    begin_ = 0;
    end_ = size;
  }
  void took(std::size_t size) noexcept {
    const std::string_view bytes = pending().substr(0, size);
    lines_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    begin_ += size;
  }

 private:
  std::array<char, 65536> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t lines_ = 0;
};

class Session {
 public:
  Session(int socket, int input, int output) : socket_(socket), input_(input), output_(output) {}

  // Returns when the server has closed its side and everything it sent is written. Throws std::runtime_error.
  void run() {
    while (!server_ended_ || !replies_.room()) {
      pollfd events[] = {input_interest(), socket_interest(), output_interest()};
      if (poll(events, std::size(events), -1) < 0) {
        if (errno == EINTR) continue;
        throw std::runtime_error(std::strerror(errno));
      }
      if (events[2].revents != 0) write_output();
      if (events[1].revents != 0) serve_socket(events[1].revents);
      if (events[0].revents != 0) read_input();
    }
  }

  [[nodiscard]] std::uint64_t unanswered() const noexcept {
    return requests_.lines() - std::min(requests_.lines(), replies_.lines());
  }
  [[nodiscard]] bool input_lost() const noexcept { return !requests_.room(); }

 private:
  // A descriptor of -1 is skipped by poll().
  [[nodiscard]] pollfd input_interest() const noexcept {
    return {!input_ended_ && !server_ended_ && requests_.room() ? input_ : -1, POLLIN, 0};
  }
  [[nodiscard]] pollfd output_interest() const noexcept { return {replies_.room() ? -1 : output_, POLLOUT, 0}; }
  [[nodiscard]] pollfd socket_interest() const noexcept {
    const int wanted = (replies_.room() ? POLLIN : 0) | (requests_.room() || send_failed_ ? 0 : POLLOUT);
    return {server_ended_ || wanted == 0 ? -1 : socket_, static_cast<short>(wanted), 0};
  }

  void read_input() {
    const ssize_t size = read(input_, requests_.space(), requests_.capacity());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size < 0) throw std::runtime_error(std::string("standard input: ") + std::strerror(errno));
    if (size == 0) return end_input();
    requests_.filled(static_cast<std::size_t>(size));
    within_line_ = requests_.pending().back() != '\n';
  }

  // A last line without its newline counts as a line, too, like the MESSAGE of a command line.
  void end_input() {
    input_ended_ = true;
    if (!within_line_) return end_sending();
    *requests_.space() = '\n';
    requests_.filled(1);
  }

  void end_sending() const noexcept { shutdown(socket_, SHUT_WR); }

  void serve_socket(short events) {
    // Replies first: they can be read even if sending fails now.
    if (replies_.room() && (events & (POLLIN | POLLHUP | POLLERR)) != 0) receive();
    if (!server_ended_ && !requests_.room() && (events & POLLOUT) != 0) transmit();
  }

  void receive() {
    const ssize_t size = recv(socket_, replies_.space(), replies_.capacity(), 0);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size < 0) throw std::runtime_error(std::strerror(errno));
    server_ended_ = size == 0;
    replies_.filled(static_cast<std::size_t>(size));
  }

  void transmit() {
    const std::string_view bytes = requests_.pending();
    const ssize_t size = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size > 0) requests_.took(static_cast<std::size_t>(size));
    // EPIPE and the like: receive() finds the end or the error, after the remaining replies.
    send_failed_ = size < 0 && errno != EINTR && errno != EAGAIN;
    if (input_ended_ && requests_.room()) end_sending();
  }

  void write_output() {
    // A pipe that poll() reports as writable takes PIPE_BUF bytes without blocking, and not always more.
    const std::string_view bytes = replies_.pending().substr(0, PIPE_BUF);
    const ssize_t size = write(output_, bytes.data(), bytes.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size < 0) throw std::runtime_error(std::string("standard output: ") + std::strerror(errno));
    replies_.took(static_cast<std::size_t>(size));
  }

  int socket_;
  int input_;
  int output_;
  bool within_line_ = false;  // the last byte of the input so far is not a newline
  bool input_ended_ = false;
  bool server_ended_ = false;
  bool send_failed_ = false;
  Flow requests_;
  Flow replies_;
};

int finish(const Session& session, const std::string& address) {
  if (session.unanswered() == 0 && !session.input_lost()) return 0;
  std::fprintf(stderr, "closed by the server: %s: %llu lines unanswered%s\n", address.c_str(),
               static_cast<unsigned long long>(session.unanswered()), session.input_lost() ? ", input left" : "");
  return 1;
}

}  // namespace

int run_interactive(const InteractiveOptions& options, int input, int output) {
  try {
    const UniqueFd socket = connect_within(options.address, options.connect_timeout);
    Session session(socket.get(), input, output);
    try {
      session.run();
      return finish(session, options.address);
    } catch (const std::runtime_error& error) {
      std::fprintf(stderr, "connection lost: %s: %s\n", options.address.c_str(), error.what());
    }
  } catch (const ConnectFailed& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return 1;
}

}  // namespace preforkd::client
