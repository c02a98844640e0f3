// SPDX-License-Identifier: MIT
#include <prefork/server.hpp>

#include "agent/agent.hpp"
#include "pools/service_options.hpp"

namespace {

int serve(const preforkd::ServiceOptions& options) {
  prefork::Server server;
  const preforkd::agent::Agent agent(server, options.bus, options.idle_exit);
  return server.run();
}

}  // namespace

int main(int argc, char** argv) {
  return preforkd::run_service(argc, argv, "preforkd-agent",
                               "Answers the agent checks of HAProxy for all pools on a message bus.\n", serve);
}
