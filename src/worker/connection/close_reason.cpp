// SPDX-License-Identifier: MIT
#include <prefork/close_reason.hpp>

namespace prefork {
inline namespace v0 {

std::string_view to_string(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::peer_closed:
      return "peer-closed";
    case CloseReason::unfinished_message:
      return "unfinished-message";
    case CloseReason::peer_reset:
      return "peer-reset";
    case CloseReason::closed_by_server:
      return "closed-by-server";
    case CloseReason::message_too_long:
      return "message-too-long";
    case CloseReason::idle_timeout:
      return "idle-timeout";
    case CloseReason::message_timeout:
      return "message-timeout";
    case CloseReason::write_timeout:
      return "write-timeout";
    case CloseReason::handler_failed:
      return "handler-failed";
    case CloseReason::drained:
      return "drained";
    case CloseReason::drain_timeout:
      return "drain-timeout";
    case CloseReason::out_of_memory:
      return "out-of-memory";
    case CloseReason::first_message_timeout:
      return "first-message-timeout";
    case CloseReason::reply_timeout:
      return "reply-timeout";
    case CloseReason::output_limit:
      return "output-limit";
    case CloseReason::input_limit:
      return "input-limit";
    case CloseReason::reply_too_long:
      return "reply-too-long";
    case CloseReason::bad_message:
      return "bad-message";
  }
  return "unknown";
}

}  // namespace v0
}  // namespace prefork
