// SPDX-License-Identifier: MIT
#include <systemd/sd-daemon.h>

#include <chrono>
#include <optional>
#include <vector>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "exporter/metrics_page.hpp"
#include "exporter/web_server.hpp"
#include "pools/known_pools.hpp"
#include "pools/service_options.hpp"

namespace {

using namespace preforkd;

// Prometheus waits 10 s for a scrape, and a survey takes a few times this at most.
constexpr std::chrono::seconds bus_timeout(2);

// A connection for each scrape: nothing has to be kept up to date, and a bus that was restarted is found again.
std::vector<KnownPool> survey(const BusTarget& target) {
  Bus bus(target, bus_timeout);
  const PoolConfigs configs = PoolConfigs::for_bus(target, std::nullopt);
  return KnownPools(bus, configs).survey(KnownPools::Detail::workers);
}

std::vector<UniqueFd> passed_sockets() {
  std::vector<UniqueFd> sockets;
  const int count = sd_listen_fds(1);
  for (int i = 0; i < count; ++i) sockets.emplace_back(SD_LISTEN_FDS_START + i);
  return sockets;
}

int serve(const ServiceOptions& options) {
  exporter::WebServer server(passed_sockets(), [&](const exporter::WebRequest& request) {
    return exporter::metrics_page(request, [&] { return survey(options.bus); });
  });
  server.serve_until_idle(options.idle_exit);
  return exit_code::ok;
}

}  // namespace

int main(int argc, char** argv) {
  return run_service(argc, argv, "preforkd-exporter",
                     "Serves the metrics of all pools on a message bus to Prometheus: GET /metrics.\n", serve);
}
