// SPDX-License-Identifier: MIT
#include "master/scale/load_sensor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/accept_queue.hpp"
#include "base/address.hpp"
#include "master/base/log.hpp"

namespace preforkd {
namespace {

bool has_client(int fd) noexcept {
  pollfd poll_fd{fd, POLLIN, 0};
  return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN) != 0;
}

}  // namespace

void LoadSensor::watch(const std::vector<ListenSockets::Open>& sockets) {
  watched_.clear();
  for (const ListenSockets::Open& socket : sockets) {
    try {
      auto watched = std::make_unique<Watched>();
      watched->fd.reset(fcntl(socket.fd, F_DUPFD_CLOEXEC, 0));
      if (!watched->fd) throw std::system_error(errno, std::system_category(), "fcntl");
      watched->source =
          loop_.add_io(watched->fd.get(), EPOLLIN | EPOLLET, Priority::normal, [this](std::uint32_t events) {
            if ((events & EPOLLIN) != 0) on_client_();
          });
      watched->source.limit_rate(min_interval, 1);
      watched_.push_back(std::move(watched));
    } catch (const std::system_error& error) {
      log::warning(format_address(socket.address) + ": cannot be watched: " + error.what() +
                   ": clients that wait there do not make the pool larger");
    }
  }
}

LoadSensor::Waiting LoadSensor::waiting() const noexcept {
  Waiting sum;
  for (const auto& each : watched_) {
    if (const auto queue = accept_queue(each->fd.get())) {
      sum.clients += queue->waiting;
    } else if (has_client(each->fd.get())) {
      ++sum.clients;
      sum.or_more = true;
    }
  }
  return sum;
}

}  // namespace preforkd
