// SPDX-License-Identifier: MIT
#include "master/sockets/listen_watch.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "base/listener.hpp"
#include "master/base/log.hpp"

namespace preforkd {
namespace {

// A program that shuts its socket down again and again has it down most of the time, rather than use up the processor.
constexpr std::chrono::seconds revival_interval{1};
constexpr unsigned revivals = 10;

}  // namespace

void ListenWatch::watch(const ListenSockets& sockets) {
  watched_.clear();
  for (const ListenSockets::Open& socket : sockets.all()) {
    try {
      watched_.push_back(watch_one(socket, socket.origin == ListenSockets::Origin::passed));
    } catch (const std::system_error& error) {
      log::warning(format_address(socket.address) + ": cannot be watched: " + error.what() +
                   ": a worker that calls shutdown(2) on it is not noticed");
    }
  }
  watch_paths(sockets);
}

void ListenWatch::watch_paths(const ListenSockets& sockets) {
  path_source_ = {};
  inotify_.reset();
  lost_paths_.clear();
  try {
    for (const ListenSockets::Open& socket : sockets.all()) {
      if (socket.file < 0) continue;
      if (!inotify_) inotify_.reset(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
      if (!inotify_) throw std::system_error(errno, std::system_category(), "inotify");
      const std::string file = "/proc/self/fd/" + std::to_string(socket.file);
      // Removing a name shows as IN_ATTRIB, since the socket itself keeps the file.
      if (inotify_add_watch(inotify_.get(), file.c_str(), IN_ATTRIB | IN_MOVE_SELF) < 0)
        throw std::system_error(errno, std::system_category(), "inotify");
    }
    if (!inotify_) return;
    path_source_ =
        loop_.add_io(inotify_.get(), EPOLLIN, Priority::normal, [&](std::uint32_t) { on_path_changed(sockets); });
    path_source_.limit_rate(revival_interval, revivals);
  } catch (const std::system_error& error) {
    log::info(std::string("paths of listening sockets cannot be watched: ") + error.what());
  }
}

void ListenWatch::on_path_changed(const ListenSockets& sockets) {
  std::array<char, 4096> events{};
  while (read(inotify_.get(), events.data(), events.size()) > 0) {
  }
  std::vector<std::string> lost = sockets.lost_paths();
  for (const std::string& path : lost) {
    if (std::find(lost_paths_.begin(), lost_paths_.end(), path) != lost_paths_.end()) continue;
    log::error(
        "no client can connect to " + path + ": its path is gone: " +
        (sockets.systemd_decides() ? "restart the pool's .socket unit" : "reload the pool, which binds it again"));
  }
  lost_paths_ = std::move(lost);
}

std::unique_ptr<ListenWatch::Watched> ListenWatch::watch_one(const ListenSockets::Open& socket, bool passed) {
  auto watched = std::make_unique<Watched>();
  watched->fd.reset(fcntl(socket.fd, F_DUPFD_CLOEXEC, 0));
  if (!watched->fd) throw std::system_error(errno, std::system_category(), "fcntl");
  watched->address = socket.address;
  watched->backlog = socket.backlog;
  watched->passed = passed;
  // EPOLLHUP is always reported; a UNIX socket that was shut down only for reading shows EPOLLRDHUP.
  watched->source = loop_.add_io(watched->fd.get(), EPOLLRDHUP, Priority::normal,
                                 [shut = watched.get()](std::uint32_t) { on_shut_down(*shut); });
  watched->source.limit_rate(revival_interval, revivals);
  return watched;
}

void ListenWatch::on_shut_down(Watched& watched) {
  const std::string what = format_address(watched.address) +
                           ": a worker has called shutdown(2) on the listening socket, which stops it for all workers "
                           "(close(2) does not)";
  if (const Result<void> revived = revive_listener(watched.fd.get(), watched.address, watched.backlog); !revived) {
    const char* const then = watched.passed                   ? "restart the pool's .socket unit"
                             : watched.address.is_unix_path() ? "reload the pool, which binds it again"
                                                              : "restart the pool";
    log::error(what + "; no client can connect: " + revived.error().text + ": " + then);
    watched.source = {};
    return;
  }
  log::warning(what + "; listening again");
}

}  // namespace preforkd
