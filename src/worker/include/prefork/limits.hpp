// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <prefork/export.hpp>
#include <prefork/proxy_header.hpp>

namespace prefork {
inline namespace v0 {

// What a draining worker does with a connection that has no pending request: no reply owed, no output unsent, no
// message begun.
enum class DrainIdle : std::uint8_t {
  close,  // closes it
  keep,   // continues to serve it until the client closes it or drain_timeout is over, also without a master
};

// The limits of one worker for its clients: server.limits(Limits().max_message(1024).idle_timeout(minutes(1))).
// "settings" in the pool's config may set each of them under the same name ("max_message": "64K", "idle_timeout":
// "5min"; "off" for 0). That overrides what the program sets, except for a named service, which has an object of its
// own there. When a limit is reached, the CloseReason of the connection or the log says so.
class PREFORK_EXPORT Limits {
 public:
  Limits();
  Limits(const Limits& other);
  Limits(Limits&& other) noexcept;
  Limits& operator=(const Limits& other);
  Limits& operator=(Limits&& other) noexcept;
  ~Limits();

  // Bytes of a message without its framing; 1…1 GiB. Default: 64 KiB.
  Limits& max_message(std::size_t bytes);
  // Connections of one worker; at the limit it stops accepting, and other workers accept new ones. 1…1000000. Default:
  // 10000.
  Limits& max_connections(std::size_t count);
  // Whether each client comes through a proxy that says who it is; then peer() and the limits per peer are about the
  // client. on_connect waits for the header. Settings may say it for each listening socket by its name, "" without one:
  // "proxy_protocol": {"web": "require"}; the others have "off". Default: off.
  Limits& proxy_protocol(ProxyProtocol what);
  // The hosts whose headers are believed: "10.0.0.0/8", "192.0.2.7", "2001:db8::/32"; "unix": those that connect to a
  // UNIX socket. Throws std::invalid_argument for others. Default: "127.0.0.0/8", "::1" and "unix".
  Limits& trusted_proxies(const std::vector<std::string>& networks);
  // Connections of one address with one worker; more are closed at once. IPv6: of one /64; UNIX sockets: not limited.
  // 0: off. Default: off.
  Limits& max_connections_per_peer(std::size_t count);
  // New connections of one address per second and worker, counted in the same way; as many may come at once after a
  // second without one. 0: off. Default: off.
  Limits& max_connection_rate_per_peer(std::size_t per_second);
  // Bytes of unsent output of a connection above which its input is not read. on_writable is called when half of it is
  // left. 1…1 GiB. Default: 256 KiB.
  Limits& output_high_mark(std::size_t bytes);
  // Bytes of unsent output of a connection above which send() closes it with CloseReason::output_limit. One message may
  // exceed it. 0: off. Default: 16 MiB.
  Limits& max_output(std::size_t bytes);
  // Bytes that one worker keeps of messages of all clients that are unfinished or wait their turn. Above it, the
  // connection that receives the next bytes of a message of more than 4 KiB is closed with CloseReason::input_limit. 0:
  // off. Default: 256 MiB.
  Limits& max_input_memory(std::size_t bytes);
  // From the last message to the first byte of the next one; output does not count. 0: off. Default: 5 min.
  Limits& idle_timeout(std::chrono::milliseconds time);
  // From the accept to the first byte of the first message; 0: off. A service whose clients only listen turns it off,
  // like idle_timeout. Default: 1 min.
  Limits& first_message_timeout(std::chrono::milliseconds time);
  // From the first byte of a message to its last; 0: off. Default: 30 s. For each min_receive_rate bytes that have
  // arrived it is a second longer, so that a large message on a slow line is not cut off.
  Limits& message_timeout(std::chrono::milliseconds time);
  // Bytes per second; see message_timeout. 0: no extension. Default: 1 KiB.
  Limits& min_receive_rate(std::size_t bytes_per_second);
  // The time in which a client with unsent output must take some of it: min_send_rate bytes for each second; 0: off.
  // Default: 30 s.
  Limits& write_timeout(std::chrono::milliseconds time);
  // Bytes per second; see write_timeout. 0: any progress is enough. Default: 1 KiB.
  Limits& min_send_rate(std::size_t bytes_per_second);
  // How long a connection may wait for a Reply; 0: off. Default: 5 min.
  Limits& reply_timeout(std::chrono::milliseconds time);
  // How long a draining worker waits for its last connections; 0: until the master kills it. After that, connections
  // without a pending request close with CloseReason::drained, the others with CloseReason::drain_timeout. Default: 0.
  Limits& drain_timeout(std::chrono::milliseconds time);
  // Default: close.
  Limits& drain_idle(DrainIdle what);
  // A draining worker closes its idle connections at random times within this span, so that their clients do not all
  // connect again at once. 0: all at once. Default: 0.
  Limits& drain_spread(std::chrono::milliseconds time);
  // A draining worker waits this long, from the accept, for the first message of a client that has sent nothing yet.
  // 0: it closes such a connection like an idle one. Default: 1 s.
  Limits& first_message_grace(std::chrono::milliseconds time);

  // Bytes of Connection::keep() for each connection, 1 B…31 KiB. Default: 1 KiB. Memory is used for what is kept.
  Limits& max_kept_state(std::size_t bytes);
  // False: no connection moves to another worker of the pool, although there is an on_adopt. Default: true.
  Limits& move_connections(bool may);
  // Bytes of messages that wait for one other worker of the pool (Server::send_to), 0…1 GiB; 0: none waits. Each
  // message counts 64 bytes more. About 200 KiB more are in its socket. Default: 1 MiB.
  Limits& worker_queue(std::size_t bytes);

  class Impl;
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace v0
}  // namespace prefork
