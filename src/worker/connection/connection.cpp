// SPDX-License-Identifier: MIT
#include <prefork/connection.hpp>

#include <utility>

#include "worker/connection/connection_impl.hpp"
#include "worker/connection/connection_table.hpp"

namespace prefork {
inline namespace v0 {

using internal::ConnectionImpl;
using internal::ConnectionTable;

void Connection::send(std::initializer_list<std::string_view> parts) { ConnectionImpl::of(*this).send_message(parts); }

void Connection::send_raw_bytes(std::string_view bytes) { ConnectionImpl::of(*this).send_bytes(bytes); }

Reply Connection::defer() { return Reply(*this); }

void Connection::close() noexcept { ConnectionImpl::of(*this).close_at_once(); }

void Connection::close_after_flush() noexcept {
  ConnectionImpl::of(*this).close_when_sent(CloseReason::closed_by_server);
}

std::string Connection::peer() const { return ConnectionImpl::of(*this).peer_text(); }

std::uint64_t Connection::id() const noexcept { return ConnectionImpl::of(*this).id(); }

std::size_t Connection::unsent() const noexcept { return ConnectionImpl::of(*this).unsent(); }

int Connection::fd() const noexcept { return ConnectionImpl::of(*this).fd(); }

void Connection::reset_data(void* object, void (*destroy)(void*)) noexcept {
  ConnectionImpl::of(*this).reset_data(object, destroy);
}

void* Connection::raw_data() const noexcept { return ConnectionImpl::of(*this).raw_data(); }

ConnectionRef::ConnectionRef(Connection& connection) noexcept : id_(connection.id()) {}

Connection* ConnectionRef::get() const noexcept {
  const ConnectionTable* const table = ConnectionTable::current();
  return table != nullptr && id_ != 0 ? table->find(id_) : nullptr;
}

Reply::Reply(Connection& connection) noexcept : connection_(connection), pending_(true) {
  ConnectionImpl::of(connection).hold_reply();
}

Reply::Reply(Reply&& other) noexcept : connection_(other.connection_), pending_(std::exchange(other.pending_, false)) {}

Reply& Reply::operator=(Reply&& other) noexcept {
  if (this != &other) {
    release();
    connection_ = other.connection_;
    pending_ = std::exchange(other.pending_, false);
  }
  return *this;
}

Reply::~Reply() { release(); }

void Reply::send(std::initializer_list<std::string_view> parts) {
  if (!pending_) return;
  if (Connection* const connection = connection_.get()) connection->send(parts);
  release();
}

Connection* Reply::connection() const noexcept { return connection_.get(); }

void Reply::release() noexcept {
  if (!std::exchange(pending_, false)) return;
  if (Connection* const connection = connection_.get()) ConnectionImpl::of(*connection).release_reply();
}

}  // namespace v0
}  // namespace prefork
