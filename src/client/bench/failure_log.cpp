// SPDX-License-Identifier: MIT
#include "client/bench/failure_log.hpp"

#include <utility>

namespace preforkd::client {

std::string_view to_string(FailureKind kind) noexcept {
  switch (kind) {
    case FailureKind::connect_refused:
      return "connect-refused";
    case FailureKind::connect_timeout:
      return "connect-timeout";
    case FailureKind::connect_failed:
      return "connect-failed";
    case FailureKind::reset:
      return "reset";
    case FailureKind::closed_early:
      return "closed-early";
    case FailureKind::closed_idle:
      return "closed-idle";
    case FailureKind::reply_timeout:
      return "reply-timeout";
    case FailureKind::wrong_reply:
      return "wrong-reply";
  }
  return "unknown";
}

void FailureLog::add(ConnectionFailure failure) {
  ++total_;
  ++counts_[static_cast<std::size_t>(failure.kind)];
  requests_lost_ += failure.requests_lost;
  if (first_.size() < limit_) first_.push_back(std::move(failure));
}

}  // namespace preforkd::client
