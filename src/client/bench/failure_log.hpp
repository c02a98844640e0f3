// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/base/clock.hpp"

namespace preforkd::client {

// The kinds of failure of a connection.
enum class FailureKind : std::uint8_t {
  connect_refused,  // ECONNREFUSED; for a UNIX socket also ENOENT
  connect_timeout,  // no answer within the connect time-out
  connect_failed,   // any other reason, with its errno
  reset,            // ECONNRESET, EPIPE or another socket error
  closed_early,     // end-of-file with replies outstanding
  closed_idle,      // end-of-file with none outstanding
  reply_timeout,    // a reply not complete within the reply time-out
  wrong_reply,      // other bytes than expected, or bytes without a request
};
inline constexpr std::size_t failure_kinds = 8;

// "connect-refused", "closed-early", …
[[nodiscard]] std::string_view to_string(FailureKind kind) noexcept;

struct ConnectionFailure {
  nanoseconds when{};  // monotonic clock
  std::uint32_t connection = 0;
  FailureKind kind{};
  std::uint64_t requests_lost = 0;  // sent, or about to be, without a complete reply
  std::string reason;
};

// Counts failures by kind and keeps the first `limit`.
class FailureLog {
 public:
  explicit FailureLog(std::size_t limit) : limit_(limit) {}

  void add(ConnectionFailure failure);

  [[nodiscard]] std::uint64_t count() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t count(FailureKind kind) const noexcept { return counts_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] std::uint64_t requests_lost() const noexcept { return requests_lost_; }
  [[nodiscard]] const std::vector<ConnectionFailure>& first() const noexcept { return first_; }

 private:
  std::size_t limit_;
  std::array<std::uint64_t, failure_kinds> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t requests_lost_ = 0;
  std::vector<ConnectionFailure> first_;
};

}  // namespace preforkd::client
