// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "support/binaries.hpp"
#include "support/bus_client.hpp"
#include "support/configured_master.hpp"
#include "support/message_bus.hpp"

namespace preforkd::component {

inline const std::string test_pool = "org.preforkd1.test";
inline const std::string pool_object = "/org/preforkd1";
inline std::string worker_object(unsigned slot) { return "/org/preforkd1/worker/" + std::to_string(slot); }

[[nodiscard]] inline nlohmann::json pool_config(unsigned workers) {
  return {{"listen", {"127.0.0.1:0"}},
          {"program", {binaries::worker("prefork_does_as_told")}},
          {"workers", {{"min", workers}, {"max", 16}}},
          {"settings", {{"drain_idle", "close"}}}};
}

// A pool on its own bus, and a client there.
struct ShownPool {
  explicit ShownPool(const nlohmann::json& config = pool_config(2), const StartOptions& options = {})
      : master(config, options, {"--bus", bus.address()}), client(bus.address()) {
    master.log().wait_for("acquired the bus name org.preforkd1.test");
  }

  template <class... Arguments>
  BusClient::Reply call(const std::string& member, const char* types = "", Arguments... arguments) {
    return client.call(test_pool, pool_object, member, types, arguments...);
  }
  template <class... Arguments>
  BusClient::Reply call_worker(unsigned slot, const std::string& member, const char* types = "",
                               Arguments... arguments) {
    return client.call(test_pool, worker_object(slot), member, types, arguments...);
  }
  [[nodiscard]] std::string get(const std::string& property) {
    return client.get(test_pool, pool_object, "org.preforkd1.Pool", property);
  }
  [[nodiscard]] std::string get_worker(unsigned slot, const std::string& property) {
    return client.get(test_pool, worker_object(slot), "org.preforkd1.Worker", property);
  }

  MessageBus bus;
  ConfiguredMaster master;
  BusClient client;
};

}  // namespace preforkd::component
