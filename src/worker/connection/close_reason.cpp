// SPDX-License-Identifier: MIT
#include <prefork/close_reason.hpp>

#include <cstddef>

#include "wire/close_reasons.hpp"
#include "worker/connection/own_close_reasons.hpp"

namespace prefork {
inline namespace v0 {

static_assert(preforkd::close_reason_names.size() == static_cast<std::size_t>(CloseReason::peer_limit) + 1);

std::string_view to_string(CloseReason reason) noexcept {
  const auto value = static_cast<std::size_t>(reason);
  if (value < preforkd::close_reason_names.size()) return preforkd::close_reason_names.at(value);
  const auto& own = internal::OwnCloseReasons::of_process();
  const auto index = own.index_of(reason);
  return index ? own.name(*index) : preforkd::unknown_close_reason;
}

}  // namespace v0
}  // namespace prefork
