// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "base/control_group.hpp"
#include "base/errors.hpp"
#include "base/process_title.hpp"
#include "config/config.hpp"
#include "master/base/log.hpp"
#include "master/master.hpp"
#include "master/options.hpp"
#include "master/pool_user.hpp"
#include "master/predecessor.hpp"
#include "master/process/worker_groups.hpp"
#include "master/process_setup.hpp"
#include "master/report/failed_start.hpp"
#include "master/report/listener_store.hpp"
#include "master/sockets/address_check.hpp"
#include "master/succession/inherited_descriptors.hpp"
#include "master/upgrade.hpp"

namespace preforkd {
namespace {

// A death is better than half of what follows from an event: a worker that has ended but is still counted, a stop that
// never ends. Workers finish what they have, and systemd starts the next master.
[[noreturn]] void die_of_memory() {
  log::write_last_words("out of memory");
  _exit(exit_code::os_error);
}

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return std::fflush(stdout) == 0 ? exit_code::ok : exit_code::failure;
}

int refuse(const ConfigFailure& failure) {
  for (const std::string& line : failure.lines) log::error(line);
  return failure.exit_code;
}

int refuse_start(const Options& options, const ConfigFailure& failure, bool wrong_config) {
  const int code = refuse(failure);
  return options.socket_unit.empty() ? code : end_failed_start(options.source, failure, wrong_config);
}

int check(const ConfigSource& source, const PoolConfig& config) {
  // Before the process becomes the pool's user: root sees which process holds an address, and may bind what systemd
  // binds.
  const AddressFindings addresses = check_addresses(config, is_of_unit(config, source.folders));
  const std::string place = config.file.empty() ? "" : config.file + ": ";
  const auto warn = [&](const std::vector<std::string>& doubts) {
    for (const std::string& doubt : doubts) log::warning(place + doubt);
  };
  warn(config.doubts);
  warn(addresses.doubts);
  warn(doubts_about(config.group_limits, is_of_unit(config, source.folders), control_group_mount));
  const Result<bool> became = become_pool_user(config, source.folders);
  if (!became) return refuse({{config.file + ": " + became.error().text}, exit_code::config});
  if (*became) {
    tl::expected<PoolConfig, ConfigFailure> seen = load_config(source);
    if (!seen) return refuse(seen.error());
  }
  if (!addresses.problems.empty()) return refuse({addresses.problems, exit_code::unavailable});
  return print("pool \"" + config.name + "\": the configuration is valid\n");
}

int run(int argc, char** argv) {
  Invocation invocation = own_invocation(argc, argv);
  const ProcessSetup setup = set_up_process();
  adopt_process_title(argc, argv);
  const Options options = parse_options(argc, argv);
  if (options.action == Options::Action::help) return print(help_text());
  if (options.action == Options::Action::version) return print(version_text());
  if (options.action == Options::Action::check_upgrade) {
    check_upgrade(options.source.name);
    return print(version_text());
  }

  tl::expected<PoolConfig, ConfigFailure> config = load_config(options.source);
  if (options.action == Options::Action::check) return config ? check(options.source, *config) : refuse(config.error());
  MasterStart start;
  start.source = options.source;
  start.setup = setup;
  start.invocation = std::move(invocation);
  start.inherited = InheritedDescriptors::take();
  start.stored = start.inherited.names();
  std::optional<Predecessor> predecessor =
      find_predecessor(start.inherited, config ? config->name : options.source.name);
  if (!config && !predecessor) {
    if (!options.socket_unit.empty()) ListenerStore::leave_to_units(start.inherited);
    return refuse_start(options, config.error(), true);
  }

  log::open(options.log_target, options.log_level, options.log_time);
  if (!config) log::error("the pool keeps the config that it had; the present one is wrong:");
  if (!config) refuse(config.error());
  if (config) start.config = std::make_shared<const PoolConfig>(with_room_by_hand(std::move(*config)));
  start.config_of_units = start.config;
  if (predecessor) start.go_on_from(std::move(*predecessor));
  start.bus_address = bus_address(options.bus);
  start.socket_unit = options.socket_unit;
  try {
    Master master(std::move(start));
    master.run();
    return exit_code::ok;
  } catch (const ExitError& error) {
    return refuse_start(options, {{error.what()}, error.exit_code()}, false);
  }
}

}  // namespace
}  // namespace preforkd

int main(int argc, char** argv) {
  using namespace preforkd;
  log::open(log::find_sink(), log::Level::info);
  std::set_new_handler(die_of_memory);
  try {
    return run(argc, argv);
  } catch (const ExitError& error) {
    log::error(error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    log::error(error.what());
    return exit_code::os_error;
  }
}
