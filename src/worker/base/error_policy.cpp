// SPDX-License-Identifier: MIT
#include "worker/base/error_policy.hpp"

#include "worker/base/guarded.hpp"

namespace prefork::internal {

void ErrorPolicy::report(const char* name, const std::exception_ptr& error) const noexcept {
  static_cast<void>(guarded(name, [&] { std::rethrow_exception(error); }));
  if (on_error) static_cast<void>(guarded("on_error", [&] { on_error(error); }));
}

}  // namespace prefork::internal
