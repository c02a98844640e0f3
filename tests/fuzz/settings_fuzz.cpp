// SPDX-License-Identifier: MIT
// PREFORK_SETTINGS: whatever it holds, the limits stay in their ranges and each problem is one line.
#include "worker/service/settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  prefork::internal::Settings settings({reinterpret_cast<const char*>(data), size});
  const prefork::internal::LimitValues limits = settings.limits({});
  const prefork::internal::LimitValues admin = settings.service_limits("admin", {});
  static_cast<void>(settings.boolean("flag", true));
  static_cast<void>(settings.integer("number", 1));
  static_cast<void>(settings.string("text", ""));

  constexpr std::size_t gibibyte = std::size_t{1} << 30;
  require(limits.max_message >= 1 && limits.max_message <= gibibyte, "max_message is in its range");
  require(limits.max_connections >= 1 && limits.max_connections <= 1'000'000, "max_connections is in its range");
  require(limits.output_high_mark >= 1 && limits.output_high_mark <= gibibyte, "output_high_mark is in its range");
  require(admin.max_connections >= 1 && admin.max_connections <= 1'000'000, "so is a service's");
  for (const auto time_out :
       {limits.idle_timeout, limits.message_timeout, limits.write_timeout, limits.drain_timeout}) {
    require(time_out.count() >= 0 && time_out <= std::chrono::hours(24 * 365), "a time-out is in its range");
  }
  for (const std::string& problem : settings.problems()) {
    require(!problem.empty() && problem.size() < 2048, "a problem is a line of a sensible length");
    require(problem.find('\n') == std::string::npos, "a problem is one line");
  }
  return 0;
}
