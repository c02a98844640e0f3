// SPDX-License-Identifier: MIT
#include "client/bench/cpu_meter.hpp"

#include "base/process_facts.hpp"

namespace preforkd::client {

nanoseconds cpu_time_of(const std::vector<pid_t>& processes) {
  nanoseconds sum{0};
  for (const pid_t process : processes) sum += cpu_time(process).value_or(nanoseconds(0));
  return sum;
}

}  // namespace preforkd::client
