// SPDX-License-Identifier: MIT
#include <prefork/limits.hpp>

#include <stdexcept>
#include <utility>

#include "base/escape.hpp"
#include "worker/connection/limit_values.hpp"

namespace prefork {
inline namespace v0 {

Limits::Limits() : impl_(std::make_unique<Impl>()) {}
Limits::Limits(const Limits& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
Limits::Limits(Limits&& other) noexcept = default;
Limits& Limits::operator=(const Limits& other) {
  impl_ = std::make_unique<Impl>(*other.impl_);
  return *this;
}
Limits& Limits::operator=(Limits&& other) noexcept = default;
Limits::~Limits() = default;

Limits& Limits::max_message(std::size_t bytes) {
  impl_->values.max_message = bytes;
  return *this;
}

Limits& Limits::max_connections(std::size_t count) {
  impl_->values.max_connections = count;
  return *this;
}

Limits& Limits::proxy_protocol(ProxyProtocol what) {
  impl_->values.proxy_protocol = what;
  return *this;
}

Limits& Limits::trusted_proxies(const std::vector<std::string>& networks) {
  std::vector<internal::Network> parsed;
  for (const std::string& text : networks) {
    const auto network = internal::Network::parse(text);
    if (!network) {
      throw std::invalid_argument("trusted_proxies: \"" + preforkd::escape_bytes(text) + "\" " + network.error().text);
    }
    parsed.push_back(*network);
  }
  impl_->values.trusted_proxies = std::move(parsed);
  return *this;
}

Limits& Limits::max_connections_per_peer(std::size_t count) {
  impl_->values.max_connections_per_peer = count;
  return *this;
}

Limits& Limits::max_connection_rate_per_peer(std::size_t per_second) {
  impl_->values.max_connection_rate_per_peer = per_second;
  return *this;
}

Limits& Limits::output_high_mark(std::size_t bytes) {
  impl_->values.output_high_mark = bytes;
  return *this;
}

Limits& Limits::max_output(std::size_t bytes) {
  impl_->values.max_output = bytes;
  return *this;
}

Limits& Limits::max_input_memory(std::size_t bytes) {
  impl_->values.max_input_memory = bytes;
  return *this;
}

Limits& Limits::idle_timeout(std::chrono::milliseconds time) {
  impl_->values.idle_timeout = time;
  return *this;
}

Limits& Limits::first_message_timeout(std::chrono::milliseconds time) {
  impl_->values.first_message_timeout = time;
  return *this;
}

Limits& Limits::message_timeout(std::chrono::milliseconds time) {
  impl_->values.message_timeout = time;
  return *this;
}

Limits& Limits::min_receive_rate(std::size_t bytes_per_second) {
  impl_->values.min_receive_rate = bytes_per_second;
  return *this;
}

Limits& Limits::write_timeout(std::chrono::milliseconds time) {
  impl_->values.write_timeout = time;
  return *this;
}

Limits& Limits::min_send_rate(std::size_t bytes_per_second) {
  impl_->values.min_send_rate = bytes_per_second;
  return *this;
}

Limits& Limits::reply_timeout(std::chrono::milliseconds time) {
  impl_->values.reply_timeout = time;
  return *this;
}

Limits& Limits::drain_timeout(std::chrono::milliseconds time) {
  impl_->values.drain_timeout = time;
  return *this;
}

Limits& Limits::drain_idle(DrainIdle what) {
  impl_->values.drain_idle = what;
  return *this;
}

Limits& Limits::drain_spread(std::chrono::milliseconds time) {
  impl_->values.drain_spread = time;
  return *this;
}

Limits& Limits::first_message_grace(std::chrono::milliseconds time) {
  impl_->values.first_message_grace = time;
  return *this;
}

Limits& Limits::max_kept_state(std::size_t bytes) {
  impl_->values.max_kept_state = bytes;
  return *this;
}

Limits& Limits::move_connections(bool may) {
  impl_->values.move_connections = may;
  return *this;
}

Limits& Limits::worker_queue(std::size_t bytes) {
  impl_->values.worker_queue = bytes;
  return *this;
}

}  // namespace v0
}  // namespace prefork
