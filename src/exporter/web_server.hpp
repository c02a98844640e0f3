// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

struct MHD_Daemon;

namespace preforkd::exporter {

struct WebRequest {
  std::string method;
  std::string path;
  std::string accept;  // the header, empty if there is none
};

struct WebResponse {
  unsigned status = 200;
  std::string type;
  std::string body;
  std::string allow = {};  // the header, if not empty
};

// Serves HTTP with libmicrohttpd, on one thread and the caller's sockets: one request at a time. Clients that are slow
// are disconnected; those above a number wait in the queues of the sockets.
class WebServer {
 public:
  using Answer = std::function<WebResponse(const WebRequest&)>;
  // Throws ExitError if there is no socket, if one does not listen, or if libmicrohttpd fails. An exception of `answer`
  // becomes the status 503, and is logged.
  WebServer(std::vector<UniqueFd> sockets, Answer answer);
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;
  ~WebServer();

  // Until there was no client for that long. Who connects afterwards waits in the queue of the socket, for the next
  // process.
  void serve_until_idle(std::chrono::milliseconds idle);

 private:
  struct Stop {
    void operator()(MHD_Daemon* daemon) const noexcept;
  };
  [[nodiscard]] unsigned clients() const;
  void accept_client(int socket);

  std::vector<UniqueFd> sockets_;
  Answer answer_;
  std::unique_ptr<MHD_Daemon, Stop> daemon_;
};

}  // namespace preforkd::exporter
