// SPDX-License-Identifier: MIT
#include "client/one_shot.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "base/errors.hpp"
#include "client/base/clock.hpp"
#include "client/base/connect.hpp"

namespace preforkd::client {
namespace {

class OneShot {
 public:
  OneShot(const OneShotOptions& options, UniqueFd socket, int output)
      : options_(options), output_(output), socket_(std::move(socket)) {
    progressed();
  }

  // Sends and receives at once: the reply to a large message may begin before the message was taken.
  [[nodiscard]] Result<void> run() {
    const std::string request = options_.message + "\n";
    for (std::string_view unsent = request; !complete_;) {
      const Result<short> events = wait(unsent.empty() ? POLLIN : POLLIN | POLLOUT);
      if (!events) return Failure(events.error());
      if ((*events & POLLOUT) != 0) send_some(unsent);
      if ((*events & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      if (Result<void> received = receive_some(); !received) return received;
    }
    return {};
  }

 private:
  void progressed() { deadline_ = monotonic_now() + options_.reply_timeout; }

  [[nodiscard]] Failure no_reply(const Error& error) const {
    return Failure(Error("no reply: " + options_.address + ": " + error.text, error.number));
  }

  Result<short> wait(int wanted) {
    pollfd event{socket_.get(), static_cast<short>(wanted), 0};
    const int ready = poll(&event, 1, poll_timeout(deadline_));
    if (ready < 0 && errno != EINTR) return no_reply({errno_text(errno), errno});
    if (ready == 0) return no_reply("nothing within " + format_time_span(options_.reply_timeout));
    return ready < 0 ? short{0} : event.revents;
  }

  void send_some(std::string_view& unsent) {
    const ssize_t sent = send(socket_.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    // What the server may have sent before says more than a failed send: receive_some() finds that or the error.
    if (sent < 0) return;
    unsent.remove_prefix(static_cast<std::size_t>(sent));
    progressed();
  }

  Result<void> receive_some() {
    const ssize_t received = recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (received == 0) return no_reply("closed by the server");
    if (received < 0) {
      if (errno == EAGAIN || errno == EINTR) return {};
      return no_reply({errno_text(errno), errno});
    }
    std::string_view reply(buffer_.data(), static_cast<std::size_t>(received));
    const std::size_t end = reply.find('\n');
    complete_ = end != std::string_view::npos;
    Result<void> printed = print(complete_ ? reply.substr(0, end + 1) : reply);
    progressed();
    return printed;
  }

  [[nodiscard]] Result<void> print(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = write(output_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) return os_failure(errno, "standard output: ");
      if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  const OneShotOptions& options_;
  int output_;
  UniqueFd socket_;
  nanoseconds deadline_{};  // of the next progress
  bool complete_ = false;
  std::array<char, 65536> buffer_;
};

Result<void> ask(const OneShotOptions& options, int output) {
  Result<UniqueFd> socket = connect_within(options.address, options.connect_timeout);
  if (!socket) return Failure(socket.error());
  return OneShot(options, std::move(*socket), output).run();
}

}  // namespace

int run_one_shot(const OneShotOptions& options, int output) {
  const Result<void> done = ask(options, output);
  if (done) return exit_code::ok;
  std::fprintf(stderr, "%s\n", done.error().text.c_str());
  return exit_code::failure;
}

}  // namespace preforkd::client
