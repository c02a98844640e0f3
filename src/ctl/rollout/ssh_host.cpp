// SPDX-License-Identifier: MIT
#include "ctl/rollout/ssh_host.hpp"

#include <algorithm>
#include <utility>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "ctl/rollout/host_list.hpp"
#include "pools/bus/failure_text.hpp"
#include "pools/known_pools.hpp"

namespace preforkd::ctl {
namespace {

BusTarget target_of(const std::string& host) { return {.kind = BusTarget::Kind::host, .user = false, .where = host}; }

// Of the last line that begins so: ssh writes the banner of the host, if it has one, and warnings first.
std::string rest_of_line(const std::string& output, const std::string& begin) {
  const std::string lines = '\n' + output;
  const std::size_t found = lines.rfind('\n' + begin);
  if (found == std::string::npos) return "";
  const std::size_t from = found + 1 + begin.size();
  return lines.substr(from, lines.find('\n', from) - from);
}

// The last lines of a program's output, for an error message.
std::string end_of(const std::string& output) {
  constexpr std::size_t max = 2000;
  const std::string text = output.substr(output.size() - std::min(output.size(), max));
  const std::size_t last = text.find_last_not_of('\n');
  return last == std::string::npos ? "" : ":\n" + escape_unsafe(text.substr(0, last + 1), "\n");
}

}  // namespace

SshHost::SshHost(std::string host, std::string pool, std::string upgrade_command, bool interactive)
    : name_(std::move(host)),
      pool_(std::move(pool)),
      upgrade_command_(std::move(upgrade_command)),
      interactive_(interactive) {}

PoolClient SshHost::client() {
  if (!bus_) bus_.emplace(target_of(name_));
  try {
    return {*bus_, pool_, interactive_};
  } catch (const AbsentPool&) {
    const PoolConfigs configs = PoolConfigs::for_bus(bus_->target(), std::nullopt);
    return KnownPools(*bus_, configs).client(pool_, interactive_);
  }
}

template <class Call>
auto SshHost::with_client(Call call) {
  const bool connected = bus_.has_value();
  try {
    return call(client());
  } catch (const ExitError& error) {
    if (error.exit_code() != exit_code::unavailable) throw;
    bus_.reset();
    if (!connected) throw;
  }
  return call(client());
}

PoolSnapshot SshHost::look() {
  return with_client([](PoolClient pool) { return pool.snapshot(); });
}

void SshHost::set_drained(bool drained) {
  with_client([&](PoolClient pool) { pool.set_drained(drained); });
}

std::vector<PlannedChange> SshHost::plan() {
  return with_client([](PoolClient pool) { return pool.plan(); });
}

// Once only, on a connection that works.
void SshHost::reload() {
  PoolClient pool = with_client([](PoolClient found) { return found; });
  try {
    pool.reload([](const Signal&) {});
  } catch (const ExitError& error) {
    if (error.exit_code() == exit_code::unavailable) bus_.reset();
    throw;
  }
}

Installed SshHost::installed() {
  const ProgramOutput said =
      run("preforkd --version && { dpkg-query --show --showformat='package ${Version}\\n' preforkd "
          "2>/dev/null || true; }");
  Installed found{rest_of_line(said.output, "preforkd "), rest_of_line(said.output, "package ")};
  if (said.status == 0 && !found.version.empty()) return found;
  throw ExitError(exit_code::unavailable, "\"ssh " + name_ + " preforkd --version\" failed" + end_of(said.output));
}

void SshHost::upgrade() {
  const ProgramOutput said = run(upgrade_command_);
  if (said.status == 0) return;
  throw ExitError(exit_code::failure,
                  "the command ended with exit status " + std::to_string(said.status) + end_of(said.output));
}

// ssh asks for no password, because it is not in the foreground: Ctrl-C must not end it in the middle of an
// installation. It notices within 15 s that the host is gone.
ProgramOutput SshHost::run(const std::string& command) const {
  const HostAddress address = host_address(name_);
  std::vector<std::string> words{"-xT", "-oBatchMode=yes", "-oConnectTimeout=15", "-oServerAliveInterval=5",
                                 "-oServerAliveCountMax=3"};
  if (!address.port.empty()) words.insert(words.end(), {"-p", address.port});
  words.insert(words.end(), {"--", address.host, command});
  return run_in_background("ssh", words);
}

}  // namespace preforkd::ctl
