// SPDX-License-Identifier: MIT
#include "master/sockets/listen_watch.hpp"

#include <fcntl.h>
#include <sys/epoll.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>

#include "base/listener.hpp"
#include "master/base/log.hpp"

namespace preforkd {
namespace {

// A program that shuts its socket down again and again gets its way most of the time, rather than all of the processor.
constexpr std::chrono::seconds revival_interval{1};
constexpr unsigned revivals = 10;

}  // namespace

void ListenWatch::watch(const ListenSockets& sockets) {
  watched_.clear();
  for (const ListenSockets::Open& socket : sockets.all()) {
    try {
      watched_.push_back(watch_one(socket, sockets.passed()));
    } catch (const std::system_error& error) {
      log::warning(format_address(socket.address) + ": cannot be watched: " + error.what() +
                   ": if a worker calls shutdown(2) on it, nobody will notice");
    }
  }
}

std::unique_ptr<ListenWatch::Watched> ListenWatch::watch_one(const ListenSockets::Open& socket, bool passed) {
  auto watched = std::make_unique<Watched>();
  watched->fd.reset(fcntl(socket.fd, F_DUPFD_CLOEXEC, 0));
  if (!watched->fd) throw std::system_error(errno, std::system_category(), "fcntl");
  watched->address = socket.address;
  watched->backlog = socket.backlog;
  watched->passed = passed;
  // EPOLLHUP comes unasked; a UNIX socket that was shut down for reading alone shows EPOLLRDHUP.
  watched->source = loop_.add_io(watched->fd.get(), EPOLLRDHUP, Priority::normal,
                                 [shut = watched.get()](std::uint32_t) { on_shut_down(*shut); });
  watched->source.limit_rate(revival_interval, revivals);
  return watched;
}

void ListenWatch::on_shut_down(Watched& watched) {
  const std::string what = format_address(watched.address) +
                           ": a worker has called shutdown(2) on the listening socket, which ends it for all (close(2) "
                           "does not)";
  if (const Result<void> revived = revive_listener(watched.fd.get(), watched.address, watched.backlog); !revived) {
    log::error(what + "; nobody can connect: " + revived.error() + ": restart " +
               (watched.passed ? "the pool's .socket unit" : "the pool"));
    watched.source = {};
    return;
  }
  log::warning(what + "; listening again");
}

}  // namespace preforkd
