// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/limits.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "worker/connection/network.hpp"

namespace prefork::internal {

// The values behind prefork::Limits, which documents them.
struct LimitValues {
  std::size_t max_message = std::size_t{64} * 1024;
  std::size_t max_connections = 10000;
  std::size_t max_connections_per_peer = 0;
  std::size_t max_connection_rate_per_peer = 0;
  std::size_t output_high_mark = std::size_t{256} * 1024;
  std::size_t max_output = std::size_t{16} * 1024 * 1024;
  std::size_t max_input_memory = std::size_t{256} * 1024 * 1024;
  std::size_t min_receive_rate = 1024;
  std::size_t min_send_rate = 1024;
  std::chrono::milliseconds idle_timeout{300'000};
  std::chrono::milliseconds first_message_timeout{60'000};
  std::chrono::milliseconds message_timeout{30'000};
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds reply_timeout{300'000};
  std::chrono::milliseconds drain_timeout{0};
  std::chrono::milliseconds drain_spread{0};
  std::chrono::milliseconds first_message_grace{1000};
  std::size_t max_kept_state = 1024;
  bool move_connections = true;
  std::size_t worker_queue = std::size_t{1024} * 1024;
  std::uint32_t state_version = 0;  // Server::state_version()
  DrainIdle drain_idle = DrainIdle::close;
  ProxyProtocol proxy_protocol = ProxyProtocol::off;
  std::map<std::string, ProxyProtocol, std::less<>> proxy_protocol_of;  // by listening socket; then not that above
  std::vector<Network> trusted_proxies = Network::this_host();
};

}  // namespace prefork::internal

namespace prefork {
inline namespace v0 {

class __attribute__((visibility("hidden"))) Limits::Impl {
 public:
  internal::LimitValues values;
};

}  // namespace v0
}  // namespace prefork
