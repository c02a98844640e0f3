// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

#include <prefork/export.hpp>

namespace prefork {
inline namespace v0 {

// Why a connection ended. The values are part of the ABI and of the stats page: new ones are added at the end. Those
// from 128 on are the application's own, from Server::close_reason().
enum class CloseReason : std::uint8_t {
  peer_closed = 0,        // end of file between messages
  unfinished_message,     // end of file in the middle of a message
  peer_reset,             // ECONNRESET, EPIPE or another socket error
  closed_by_server,       // Connection::close() or close_after_flush() without a reason
  message_too_long,       // a message exceeds max_message
  idle_timeout,           // no message within idle_timeout
  message_timeout,        // a message was not complete within message_timeout
  write_timeout,          // the client took less than min_send_rate of the output for write_timeout
  handler_failed,         // a callback threw
  drained,                // the worker drained, and this connection had no pending request
  drain_timeout,          // the drain ended before the last reply was written
  out_of_memory,          // no memory for this connection
  first_message_timeout,  // the client sent nothing within first_message_timeout
  reply_timeout,          // a Reply was neither sent nor destroyed within reply_timeout
  output_limit,           // the unsent output exceeded max_output
  input_limit,            // the unfinished messages of all clients exceeded max_input_memory
  reply_too_long,         // send() was given more bytes than the length prefix can count
  bad_message,            // the bytes do not follow the framing
  handed_over,            // another worker of the pool has it: the client notices nothing
  bad_proxy_header,       // it began with no header of a proxy, or a wrong one (Limits::proxy_protocol)
  peer_limit,             // the client that a proxy named exceeds max_connections_per_peer or …_rate_per_peer
};

// "peer-closed", "message-too-long", … or the name given to Server::close_reason(); "unknown" for any other value.
[[nodiscard]] PREFORK_EXPORT std::string_view to_string(CloseReason reason) noexcept;

}  // namespace v0
}  // namespace prefork
