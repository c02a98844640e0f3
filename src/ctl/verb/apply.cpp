// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include "base/apply_command.hpp"
#include "base/errors.hpp"
#include "base/unit_names.hpp"
#include "ctl/base/program.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "pools/bus/failure_text.hpp"
#include "pools/bus/further_looks.hpp"
#include "pools/bus/systemd.hpp"

namespace preforkd::ctl {
namespace {

using Texts = std::vector<std::string>;

std::string list_of(const Texts& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

// Applies a pool's config to systemd's units and to the pool: steps that can fail without loss come first, and what the
// pool can do by a reload needs no restart.
class Application {
 public:
  explicit Application(Context& context)
      : context_(context),
        name_(pool_argument(context.options().arguments.at(0))),
        service_(service_unit(name_)),
        first_(first_socket_unit(name_)),
        systemd_(context.bus(), context.ask_passwords()) {}

  void run() {
    check();
    const Json confined_before = systemd_.confinement(service_);
    say("daemon-reload");
    systemd_.reload_units();
    const bool confined_anew = systemd_.confinement(service_) != confined_before;
    stop_removed();
    const std::string state = systemd_.active_state(service_);
    if (state != "active" && state != "reloading") return start(state);
    // As another user, or in another sandbox, a worker may do other things than now, so a reload would prove nothing.
    if (!confined_anew) reload();
    const Texts missing = unapplied();
    if (confined_anew || !missing.empty())
      restart(missing, confined_anew ? "another user, sandbox or limits" : list_of(missing));
    if (const Texts left = unapplied(); !left.empty()) {
      throw ExitError(exit_code::failure, "not all changes are effective: " + list_of(left) +
                                              "; the pool serves; see journalctl -u " + service_ +
                                              " and systemctl status " + closed_sockets());
    }
    say("done: the config is live");
  }

 private:
  void say(const std::string& line) const { context_.screen().remark(line); }

  void check() const {
    const int status = run_program(own_neighbour("preforkd"), {"--check", "--name", name_}, context_.options().quiet);
    const bool unavailable = status == exit_code::unavailable;
    const char* const why = unavailable ? "an address can't be bound" : "the config is wrong";
    if (status != 0) throw ExitError(status, std::string("nothing was changed: ") + why);
  }

  void job(const char* method, const char* word, const std::string& unit) {
    say(word + (' ' + unit));
    systemd_.run_job(method, unit);
  }

  // Their units hold them until they are stopped, and no worker accepts from them any more.
  void stop_removed() {
    const Texts wanted = systemd_.sockets_of(service_);
    for (const auto& [unit, state] : systemd_.sockets(name_)) {
      if (state != "active" || std::find(wanted.begin(), wanted.end(), unit) != wanted.end()) continue;
      job("StopUnit", "stop", unit);
    }
  }

  // Starts the sockets of a pool that does not serve, with the present addresses; and the pool, if it was to run.
  void start(const std::string& state) {
    if (systemd_.active_state(first_) == "active" || state != "inactive") job("StopUnit", "stop", first_);
    job("StartUnit", "start", first_);
    if (state != "inactive") job("StartUnit", "start", service_);
    say("done: " + first_ + " listens");
  }

  void reload() {
    try {
      run_reload(context_);
    } catch (const ExitError& error) {
      throw ExitError(error.exit_code(),
                      std::string(error.what()) +
                          "\nsystemd has loaded the new units; the pool was not changed or restarted. To restart it "
                          "without a trial: systemctl restart " +
                          service_);
    }
  }

  // Its name appears on the bus a moment after systemd reports that it has started.
  PoolClient pool() {
    for (FurtherLooks looks(49);;) {
      try {
        return context_.pool(name_);
      } catch (const ExitError& error) {
        const bool absent = error.exit_code() == exit_code::unavailable || error.exit_code() == exit_not_running;
        if (!absent || !looks.wait()) throw;
      }
    }
  }

  Texts unapplied() {
    Texts keys;
    for (const Json& key : pool().properties().value("Unapplied", Json::array()))
      keys.push_back(key.get<std::string>());
    return keys;
  }

  // Whether the unit should hold an address that the pool does not have from it.
  bool lacks(const std::string& socket, const Texts& missing) {
    Texts served;
    for (const ListenerSnapshot& listener : pool().snapshot().listeners) served.push_back(listener.address);
    const auto has = [](const Texts& all, const std::string& one) {
      return std::find(all.begin(), all.end(), one) != all.end();
    };
    const Texts addresses = systemd_.addresses(socket);
    return std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) {
      return !has(served, address) || has(missing, "listen " + address);
    });
  }

  // The socket units that could not open their sockets; the first if all could.
  std::string closed_sockets() {
    std::string closed;
    for (const std::string& unit : systemd_.sockets_of(service_)) {
      if (systemd_.active_state(unit) != "active") closed += (closed.empty() ? "" : " ") + unit;
    }
    return closed.empty() ? first_ : closed;
  }

  // Further units start with the service; running ones keep their sockets. An active unit opens no new sockets.
  void restart(const Texts& missing, const std::string& reason) {
    const bool first = lacks(first_, missing);
    for (const std::string& unit : systemd_.sockets_of(service_)) {
      if (unit != first_ && systemd_.active_state(unit) == "active" && lacks(unit, missing))
        job("StopUnit", "stop", unit);
    }
    say("restart for " + reason);
    try {
      if (first) job("RestartUnit", "restart", first_);
      job(first ? "StartUnit" : "RestartUnit", first ? "start" : "restart", service_);
    } catch (const ExitError& error) {
      if (systemd_.active_state(service_) == "active") throw;  // the job was refused or cancelled: the pool serves
      throw ExitError(error.exit_code(), std::string(error.what()) +
                                             "\nthe pool was stopped for the restart and does not "
                                             "serve: see preforkctl why " +
                                             name_ + "; to go back, restore the old config and run " +
                                             apply_command(name_));
    }
  }

  Context& context_;
  const std::string name_;
  const std::string service_;
  const std::string first_;
  Systemd systemd_;
};

}  // namespace

int run_apply(Context& context) {
  if (!context.options().bus.is_this_machine()) {
    throw ExitError(exit_code::usage, "apply: only for pools of this machine, not with -H or -M");
  }
  Application(context).run();
  return exit_code::ok;
}

}  // namespace preforkd::ctl
