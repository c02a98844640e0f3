// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/close_reason.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/connection/peer_address.hpp"
#include "worker/io/streams.hpp"

namespace prefork::internal {

class ConnectionImpl;

// What a connection takes along to another worker, beside its descriptor.
struct Luggage {
  PeerAddress peer;
  Session::TimePoint input_since;   // its last message, or the first byte of an unfinished one
  bool heard = false;               // a message was delivered
  bool amended = false;             // an Amendment follows
  bool suspected = false;           // a worker may have died or hung at it
  std::uint32_t state_version = 0;  // of the program that kept the state
  std::string_view state;           // of Connection::keep()
  std::string_view input;           // received and not consumed
  std::string_view output;          // not sent yet
};

// What the program did with a connection while it was on its way.
struct Amendment {
  std::string_view output;
  std::optional<std::string_view> state;  // of Connection::keep()
  std::uint32_t state_version = 0;
  std::optional<CloseReason> close;

  [[nodiscard]] bool empty() const noexcept { return output.empty() && !state && !close; }
};

// Where the connections of a worker that leaves go to.
class Mover {
 public:
  // The connection may move. Called again until it has moved or does not move any more.
  virtual void offer(ConnectionImpl& connection) noexcept = 0;

 protected:
  ~Mover() = default;
};

}  // namespace prefork::internal
