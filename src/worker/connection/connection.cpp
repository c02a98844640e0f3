// SPDX-License-Identifier: MIT
#include <prefork/connection.hpp>

#include <new>
#include <string>
#include <utility>

#include "worker/base/post_queue.hpp"
#include "worker/connection/connection_impl.hpp"
#include "worker/connection/connection_table.hpp"
#include "worker/connection/own_close_reasons.hpp"

namespace prefork {
inline namespace v0 {

using internal::ConnectionImpl;
using internal::ConnectionTable;

namespace {

// As this library can count and name it.
[[nodiscard]] CloseReason checked(CloseReason why) noexcept {
  const bool known = why <= CloseReason::bad_message || internal::OwnCloseReasons::of_process().index_of(why);
  return known ? why : CloseReason::closed_by_server;
}

}  // namespace

void Connection::send(std::initializer_list<std::string_view> parts) { ConnectionImpl::of(*this).send_message(parts); }

void Connection::send_raw_bytes(std::string_view bytes) { ConnectionImpl::of(*this).send_bytes(bytes); }

Reply Connection::defer() { return Reply(*this); }

void Connection::keep(std::string_view state) { ConnectionImpl::of(*this).keep_state(state); }

void Connection::pin() noexcept { ConnectionImpl::of(*this).pin(); }

void Connection::unpin() noexcept { ConnectionImpl::of(*this).unpin(); }

void Connection::close() noexcept { close(CloseReason::closed_by_server); }

void Connection::close(CloseReason why) noexcept { ConnectionImpl::of(*this).close_at_once(checked(why)); }

void Connection::close_after_flush() noexcept { close_after_flush(CloseReason::closed_by_server); }

void Connection::close_after_flush(CloseReason why) noexcept {
  ConnectionImpl::of(*this).close_when_sent(checked(why));
}

void Connection::framing(const Framing& framing) { ConnectionImpl::of(*this).set_framing(framing); }

bool Connection::writable() const noexcept { return ConnectionImpl::of(*this).writable(); }

bool Connection::half_closed() const noexcept { return ConnectionImpl::of(*this).half_closed(); }

std::string_view Connection::listener() const noexcept { return ConnectionImpl::of(*this).listener(); }

std::string Connection::peer() const { return ConnectionImpl::of(*this).peer_text(); }

const ProxyHeader* Connection::proxy_header() const noexcept { return ConnectionImpl::of(*this).proxy_header(); }

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

Reply::Reply(Connection& connection) noexcept
    : connection_(connection), pending_(true), home_(ConnectionImpl::of(connection).home()) {
  ConnectionImpl::of(connection).hold_reply();
}

Reply::Reply(Reply&& other) noexcept
    : connection_(other.connection_), pending_(std::exchange(other.pending_, false)), home_(std::move(other.home_)) {}

Reply& Reply::operator=(Reply&& other) noexcept {
  if (this != &other) {
    release();
    connection_ = other.connection_;
    pending_ = std::exchange(other.pending_, false);
    home_ = std::move(other.home_);
  }
  return *this;
}

Reply::~Reply() { release(); }

bool Reply::is_home() const noexcept { return home_ == nullptr || home_->runs_here(); }

void Reply::send(std::initializer_list<std::string_view> parts) {
  if (!pending_) return;
  if (is_home()) {
    if (Connection* const connection = connection_.get()) connection->send(parts);
    return release();
  }
  std::string text;
  for (const std::string_view part : parts) text += part;
  home_->post([connection = connection_, text = std::move(text)] {
    if (Connection* const found = connection.get()) {
      found->send(text);
      ConnectionImpl::of(*found).release_reply();
    }
  });
  pending_ = false;
}

Connection* Reply::connection() const noexcept { return connection_.get(); }

void Reply::release() noexcept {
  if (!std::exchange(pending_, false)) return;
  const auto give_up = [connection = connection_] {
    if (Connection* const found = connection.get()) ConnectionImpl::of(*found).release_reply();
  };
  if (is_home()) return give_up();
  try {
    home_->post(give_up);
  } catch (const std::bad_alloc&) {  // reply_timeout closes the connection
  }
}

}  // namespace v0
}  // namespace prefork
