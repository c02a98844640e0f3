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
#include <string>
#include <string_view>
#include <utility>

#include "base/errors.hpp"
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
  Session(const std::string& address, UniqueFd socket, int input, int output)
      : address_(address), socket_(std::move(socket)), input_(input), output_(output) {}

  // Returns when the server has closed its side and everything it sent is written.
  [[nodiscard]] Result<void> run() {
    while (!server_ended_ || !replies_.room()) {
      pollfd events[] = {input_interest(), socket_interest(), output_interest()};
      if (poll(events, std::size(events), -1) < 0) {
        if (errno == EINTR) continue;
        return connection_lost();
      }
      Result<void> done;
      if (events[2].revents != 0) done = write_output();
      if (done && events[1].revents != 0) done = serve_socket(events[1].revents);
      if (done && events[0].revents != 0) done = read_input();
      if (!done) return done;
    }
    return finish();
  }

 private:
  [[nodiscard]] Failure connection_lost() const { return os_failure(errno, "connection lost: " + address_ + ": "); }

  [[nodiscard]] Result<void> finish() const {
    const std::uint64_t unanswered = requests_.lines() - std::min(requests_.lines(), replies_.lines());
    const bool input_lost = !requests_.room();
    if (unanswered == 0 && !input_lost) return {};
    return Failure("closed by the server: " + address_ + ": " + std::to_string(unanswered) + " lines unanswered" +
                   (input_lost ? ", input left" : ""));
  }

  // A descriptor of -1 is skipped by poll().
  [[nodiscard]] pollfd input_interest() const noexcept {
    return {!input_ended_ && !server_ended_ && requests_.room() ? input_ : -1, POLLIN, 0};
  }
  [[nodiscard]] pollfd output_interest() const noexcept { return {replies_.room() ? -1 : output_, POLLOUT, 0}; }
  [[nodiscard]] pollfd socket_interest() const noexcept {
    const int wanted = (replies_.room() ? POLLIN : 0) | (requests_.room() || send_failed_ ? 0 : POLLOUT);
    return {server_ended_ || wanted == 0 ? -1 : socket_.get(), static_cast<short>(wanted), 0};
  }

  Result<void> read_input() {
    const ssize_t size = read(input_, requests_.space(), requests_.capacity());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (size < 0) return os_failure(errno, "standard input: ");
    if (size == 0) {
      end_input();
      return {};
    }
    requests_.filled(static_cast<std::size_t>(size));
    within_line_ = requests_.pending().back() != '\n';
    return {};
  }

  // A last line without its newline counts as a line, too, like the MESSAGE of a command line.
  void end_input() {
    input_ended_ = true;
    if (!within_line_) return end_sending();
    *requests_.space() = '\n';
    requests_.filled(1);
  }

  void end_sending() const noexcept { shutdown(socket_.get(), SHUT_WR); }

  Result<void> serve_socket(short events) {
    // Replies first: they can be read even if sending fails now.
    if (replies_.room() && (events & (POLLIN | POLLHUP | POLLERR)) != 0) {
      if (Result<void> received = receive(); !received) return received;
    }
    if (!server_ended_ && !requests_.room() && (events & POLLOUT) != 0) transmit();
    return {};
  }

  Result<void> receive() {
    const ssize_t size = recv(socket_.get(), replies_.space(), replies_.capacity(), 0);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (size < 0) return connection_lost();
    server_ended_ = size == 0;
    replies_.filled(static_cast<std::size_t>(size));
    return {};
  }

  void transmit() {
    const std::string_view bytes = requests_.pending();
    const ssize_t size = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size > 0) requests_.took(static_cast<std::size_t>(size));
    // EPIPE and the like: receive() finds the end or the error, after the remaining replies.
    send_failed_ = size < 0 && errno != EINTR && errno != EAGAIN;
    if (input_ended_ && requests_.room()) end_sending();
  }

  Result<void> write_output() {
    // A pipe that poll() reports as writable takes PIPE_BUF bytes without blocking, and not always more.
    const std::string_view bytes = replies_.pending().substr(0, PIPE_BUF);
    const ssize_t size = write(output_, bytes.data(), bytes.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (size < 0) return os_failure(errno, "standard output: ");
    replies_.took(static_cast<std::size_t>(size));
    return {};
  }

  const std::string& address_;
  UniqueFd socket_;
  int input_;
  int output_;
  bool within_line_ = false;  // the last byte of the input so far is not a newline
  bool input_ended_ = false;
  bool server_ended_ = false;
  bool send_failed_ = false;
  Flow requests_;
  Flow replies_;
};

Result<void> converse(const InteractiveOptions& options, int input, int output) {
  Result<UniqueFd> socket = connect_within(options.address, options.connect_timeout);
  if (!socket) return Failure(socket.error());
  return Session(options.address, std::move(*socket), input, output).run();
}

}  // namespace

int run_interactive(const InteractiveOptions& options, int input, int output) {
  const Result<void> done = converse(options, input, output);
  if (done) return exit_code::ok;
  std::fprintf(stderr, "%s\n", done.error().text.c_str());
  return exit_code::failure;
}

}  // namespace preforkd::client
