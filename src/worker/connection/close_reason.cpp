// SPDX-License-Identifier: MIT
#include <prefork/close_reason.hpp>

#include <cstddef>

#include "wire/close_reasons.hpp"

namespace prefork {
inline namespace v0 {

static_assert(preforkd::close_reason_names.size() == static_cast<std::size_t>(CloseReason::bad_message) + 1);

std::string_view to_string(CloseReason reason) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  return index < preforkd::close_reason_names.size() ? preforkd::close_reason_names.at(index)
                                                     : preforkd::unknown_close_reason;
}

}  // namespace v0
}  // namespace prefork
