// SPDX-License-Identifier: MIT
// Calls a method of a D-Bus object again and again, one call after the other:
//   bench_bus_calls ADDRESS NAME PATH INTERFACE METHOD COUNT     prints the median and the maximum time of a call in µs
//   bench_bus_calls ADDRESS NAME PATH INTERFACE METHOD           until standard input ends; prints the number of calls
#include <poll.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

sd_bus* open(const char* address) {
  sd_bus* bus = nullptr;
  if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address) < 0 || sd_bus_set_bus_client(bus, 1) < 0 ||
      sd_bus_start(bus) < 0) {
    return nullptr;
  }
  return bus;
}

bool input_ended() {
  pollfd input{0, POLLIN, 0};
  return poll(&input, 1, 0) != 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 64;
  sd_bus* bus = open(argv[1]);
  const unsigned long count = argc > 6 ? std::strtoul(argv[6], nullptr, 10) : 0;
  std::vector<double> times;
  unsigned long calls = 0;
  for (; count > 0 ? calls < count : !input_ended(); ++calls) {
    sd_bus_error error{};
    sd_bus_message* reply = nullptr;
    const auto begin = Clock::now();
    if (bus == nullptr || sd_bus_call_method(bus, argv[2], argv[3], argv[4], argv[5], &error, &reply, "") < 0) {
      std::fprintf(stderr, "%s: %s\n", argv[5], error.message != nullptr ? error.message : "the bus cannot be reached");
      return 1;
    }
    if (count > 0) times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    sd_bus_message_unref(reply);
  }
  if (count > 0) {
    std::sort(times.begin(), times.end());
    std::printf("%.1f %.1f\n", times[times.size() / 2], times.back());
  } else {
    std::printf("%lu\n", calls);
  }
  sd_bus_flush_close_unref(bus);
}
