// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>

#include <prefork/server.hpp>

#include "echo/echo_service.hpp"
#include "echo/options.hpp"

int main(int argc, char** argv) {
  using namespace preforkd::echo;
  try {
    const Options options = parse_options(argc, argv);
    if (options.print) {
      std::fputs(options.print->c_str(), stdout);
      return 0;
    }
    prefork::Server server;
    for (const std::string& address : options.listen) server.listen(address);
    serve_echo(server);
    return server.run();
  } catch (const UsageError& error) {
    std::fprintf(stderr, "prefork-echo: %s\nTry 'prefork-echo --help'.\n", error.what());
    return exit_usage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prefork-echo: %s\n", error.what());
    return exit_failure;
  }
}
