// SPDX-License-Identifier: MIT
#include "exporter/web_server.hpp"

#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <utility>

#include "base/errors.hpp"
#include "base/listener.hpp"

// libmicrohttpd gets the connections, not the sockets: it would shut them down at the end, and the next process, which
// systemd starts for the next client, needs them as they are.
namespace preforkd::exporter {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr unsigned max_clients = 64;
constexpr unsigned client_timeout = 10;              // seconds without progress
constexpr std::size_t memory_per_client = 32 << 10;  // of the request's head

struct Release {
  void operator()(MHD_Response* response) const noexcept { MHD_destroy_response(response); }
};

WebResponse guarded(const WebServer::Answer& answer, const WebRequest& request) {
  try {
    return answer(request);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "preforkd-exporter: %s\n", error.what());
    return {MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", std::string(error.what()) + '\n'};
  }
}

MHD_Result send(MHD_Connection* connection, const WebResponse& answer) {
  // It copies the body, which it does not change.
  const std::unique_ptr<MHD_Response, Release> response(MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY));
  if (!response) return MHD_NO;
  const auto add = [&](const char* header, const std::string& value) {
    return value.empty() ? MHD_YES : MHD_add_response_header(response.get(), header, value.c_str());
  };
  if (add(MHD_HTTP_HEADER_CONTENT_TYPE, answer.type) == MHD_NO) return MHD_NO;
  if (add(MHD_HTTP_HEADER_ALLOW, answer.allow) == MHD_NO) return MHD_NO;
  return MHD_queue_response(connection, answer.status, response.get());
}

// The first call of a request: its body, if there is one, is not read.
MHD_Result on_request(void* answer, MHD_Connection* connection, const char* url, const char* method,
                      const char* /*version*/, const char* /*body*/, std::size_t* /*body_size*/, void** /*context*/) {
  const char* const accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
  const WebRequest request{method, url, accept != nullptr ? accept : ""};
  return send(connection, guarded(*static_cast<const WebServer::Answer*>(answer), request));
}

// Poll's timeout: until libmicrohttpd has to look at its clients again.
int timeout_of(MHD_Daemon* daemon, milliseconds idle) {
  MHD_UNSIGNED_LONG_LONG milliseconds_left = 0;
  auto left = static_cast<std::uint64_t>(std::max<std::int64_t>(idle.count(), 0));
  if (MHD_get_timeout(daemon, &milliseconds_left) == MHD_YES) left = std::min<std::uint64_t>(left, milliseconds_left);
  return static_cast<int>(std::min<std::uint64_t>(left, INT32_MAX));
}

}  // namespace

void WebServer::Stop::operator()(MHD_Daemon* daemon) const noexcept { MHD_stop_daemon(daemon); }

WebServer::WebServer(std::vector<UniqueFd> sockets, Answer answer)
    : sockets_(std::move(sockets)), answer_(std::move(answer)) {
  if (sockets_.empty()) {
    throw ExitError(exit_code::unavailable,
                    "no socket to listen on; start it with systemctl enable --now preforkd-exporter.socket");
  }
  for (const UniqueFd& socket : sockets_) {
    const Result<Address> address = check_listener(socket.get());
    if (!address) throw ExitError(exit_code::unavailable, "LISTEN_FDS: " + address.error().text);
    const int flags = ::fcntl(socket.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) != 0)
      throw ExitError(exit_code::os_error, "LISTEN_FDS: " + errno_text(errno));
  }
  daemon_.reset(MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, on_request, &answer_,
                                 MHD_OPTION_CONNECTION_LIMIT, max_clients, MHD_OPTION_CONNECTION_TIMEOUT,
                                 client_timeout, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory_per_client,
                                 MHD_OPTION_END));
  if (!daemon_) throw ExitError(exit_code::os_error, "cannot start libmicrohttpd: " + errno_text(errno));
}

WebServer::~WebServer() = default;

unsigned WebServer::clients() const {
  return MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

void WebServer::accept_client(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  const int client = ::accept4(socket, any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client >= 0) MHD_add_connection(daemon_.get(), client, any, size);  // closes it if that fails
}

void WebServer::serve_until_idle(milliseconds idle) {
  const int clients_ready = MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  std::vector<pollfd> watched{{clients_ready, POLLIN, 0}};
  for (const UniqueFd& socket : sockets_) watched.push_back({socket.get(), POLLIN, 0});
  for (auto until = Clock::now() + idle; Clock::now() < until;) {
    // One below the limit at most are accepted in a round, and the others wait.
    const std::size_t count = clients() < max_clients ? watched.size() : 1;
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    if (::poll(watched.data(), count, timeout_of(daemon_.get(), left)) < 0 && errno != EINTR)
      throw ExitError(exit_code::os_error, "poll: " + errno_text(errno));
    for (std::size_t i = 1; i < count; ++i) {
      if (watched[i].revents != 0) accept_client(watched[i].fd);
    }
    MHD_run(daemon_.get());
    if (clients() > 0) until = Clock::now() + idle;
  }
}

}  // namespace preforkd::exporter
