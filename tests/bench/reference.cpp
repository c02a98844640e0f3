// SPDX-License-Identifier: MIT
// The smallest prefork epoll program that can serve the echo protocol, as fast as plain code can be: N forked workers
// wait on one listener with EPOLLEXCLUSIVE, read into one buffer, answer one read with one write, and keep an
// unfinished line. It has no limits, time-outs, counters, supervision or reload; libprefork's extra cost is the cost of
// those.
//
//   bench_reference PORT WORKERS     PORT 0: the kernel chooses. Prints "listening on PORT", then each worker's pid on
//   its own line.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

struct Connection {
  int fd;
  std::string partial;  // a line's beginning
  std::string unsent;   // replies that the socket did not take; it reads nothing meanwhile
  bool closing = false;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

class Worker {
 public:
  explicit Worker(int listener) : listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{EPOLLIN | EPOLLEXCLUSIVE, {.ptr = nullptr}};
    if (epoll_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) < 0) die("epoll");
  }

  [[noreturn]] void run() {
    for (epoll_event events[256];;) {
      const int count = epoll_wait(epoll_, events, 256, -1);
      for (int i = 0; i < count; ++i) {
        auto* connection = static_cast<Connection*>(events[i].data.ptr);
        if (connection == nullptr) {
          accept_one();
        } else if ((events[i].events & EPOLLOUT) != 0 ? !flush(*connection) : !serve(*connection)) {
          close(connection->fd);
          delete connection;
        }
      }
    }
  }

 private:
  void accept_one() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    auto* connection = new Connection{fd, {}, {}};
    epoll_event event{EPOLLIN, {.ptr = connection}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
  }

  // False: the connection has ended.
  bool serve(Connection& connection) {
    const std::size_t kept = connection.partial.size();
    if (kept > 0) std::memcpy(input_, connection.partial.data(), kept);
    const ssize_t size = read(connection.fd, input_ + kept, sizeof input_ - kept);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    std::string_view rest(input_, kept + static_cast<std::size_t>(size));
    output_.clear();
    while (!connection.closing) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos) break;
      answer(connection, rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    if (rest.size() == sizeof input_) return false;
    connection.partial.assign(rest);
    return send_output(connection);
  }

  void answer(Connection& connection, std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    output_.append("received: ").append(line).push_back('\n');
    connection.closing = line == "quit";
  }

  bool send_output(Connection& connection) {
    if (output_.empty()) return !connection.closing;
    const ssize_t sent = send(connection.fd, output_.data(), output_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    const std::size_t taken = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    if (taken == output_.size()) return !connection.closing;
    connection.unsent.assign(output_, taken);
    return wait_for(connection, EPOLLOUT);
  }

  bool flush(Connection& connection) {
    const ssize_t sent = send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    connection.unsent.erase(0, static_cast<std::size_t>(sent));
    if (!connection.unsent.empty()) return true;
    return !connection.closing && wait_for(connection, EPOLLIN);
  }

  bool wait_for(Connection& connection, std::uint32_t events) const {
    epoll_event event{events, {.ptr = &connection}};
    return epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event) == 0;
  }

  int listener_;
  int epoll_;
  char input_[64 * 1024];
  std::string output_;
};

int listen_on(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(static_cast<std::uint16_t>(port));
  socklen_t length = sizeof name;
  if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
      bind(listener, reinterpret_cast<sockaddr*>(&name), length) < 0 || listen(listener, SOMAXCONN) < 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&name), &length) < 0) {
    die("listen");
  }
  std::printf("listening on %d\n", ntohs(name.sin_port));
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_reference PORT WORKERS\n", stderr);
    return 64;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int listener = listen_on(std::atoi(argv[1]));
  std::fflush(stdout);
  for (int left = std::atoi(argv[2]); left > 0; --left) {
    const pid_t worker = fork();
    if (worker < 0) die("fork");
    if (worker == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      (new Worker(listener))->run();
    }
    std::printf("%d\n", worker);
  }
  std::fflush(stdout);
  while (wait(nullptr) > 0) continue;
}
