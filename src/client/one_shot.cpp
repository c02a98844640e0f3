// SPDX-License-Identifier: MIT
#include "client/one_shot.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "client/base/clock.hpp"
#include "client/base/connect.hpp"

namespace preforkd::client {
namespace {

// The connection ended or stalled before the reply was complete; what() is the reason.
struct NoReply : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class OneShot {
 public:
  OneShot(const OneShotOptions& options, int output)
      : options_(options), output_(output), socket_(connect_within(options.address, options.connect_timeout)) {
    progressed();
  }

  // Sends and receives at once: the reply to a large message may begin before the message was taken.
  void run() {
    const std::string request = options_.message + "\n";
    for (std::string_view unsent = request; !complete_;) {
      const short events = wait(unsent.empty() ? POLLIN : POLLIN | POLLOUT);
      if ((events & POLLOUT) != 0) send_some(unsent);
      if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) receive_some();
    }
  }

 private:
  void progressed() { deadline_ = monotonic_now() + options_.reply_timeout; }

  short wait(int wanted) {
    pollfd event{socket_.get(), static_cast<short>(wanted), 0};
    const int ready = poll(&event, 1, poll_timeout(deadline_));
    if (ready < 0 && errno != EINTR) throw NoReply(std::strerror(errno));
    if (ready == 0) throw NoReply("nothing within " + format_time_span(options_.reply_timeout));
    return ready < 0 ? short{0} : event.revents;
  }

  void send_some(std::string_view& unsent) {
    const ssize_t sent = send(socket_.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    // What the server may have sent before says more than a failed send: receive_some() finds that or the error.
    if (sent < 0) return;
    unsent.remove_prefix(static_cast<std::size_t>(sent));
    progressed();
  }

  void receive_some() {
    const ssize_t received = recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (received == 0) throw NoReply("closed by the server");
    if (received < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      throw NoReply(std::strerror(errno));
    }
    std::string_view reply(buffer_.data(), static_cast<std::size_t>(received));
    const std::size_t end = reply.find('\n');
    complete_ = end != std::string_view::npos;
    print(complete_ ? reply.substr(0, end + 1) : reply);
    progressed();
  }

  void print(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = write(output_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR)
        throw std::runtime_error(std::string("standard output: ") + std::strerror(errno));
      if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  const OneShotOptions& options_;
  int output_;
  UniqueFd socket_;
  nanoseconds deadline_{};  // of the next progress
  bool complete_ = false;
  std::array<char, 65536> buffer_;
};

}  // namespace

int run_one_shot(const OneShotOptions& options, int output) {
  try {
    OneShot(options, output).run();
    return 0;
  } catch (const NoReply& error) {
    std::fprintf(stderr, "no reply: %s: %s\n", options.address.c_str(), error.what());
  } catch (const ConnectFailed& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return 1;
}

}  // namespace preforkd::client
