// SPDX-License-Identifier: MIT
#include "ctl/command/option_table.hpp"

#include <array>

namespace preforkd::ctl {
namespace {

constexpr auto rows = std::to_array<OptionRow>({
    {OptionCode::system, "system", nullptr, "", "use the system bus; this is the default"},
    {OptionCode::user, "user", nullptr, "", "use the user's session bus"},
    {OptionCode::address, "address", "ADDRESS", "", "use the bus at this D-Bus address"},
    {OptionCode::host, "host", "[USER@]HOST", "", "use another machine, by ssh"},
    {OptionCode::machine, "machine", "[USER@]MACHINE", "", "use a local container (machinectl)"},
    {OptionCode::root, "root", "FOLDER", "", "look for configs below this folder, as in FOLDER/etc/preforkd"},
    {OptionCode::json, "json", "MODE", "", "print JSON: \"short\", \"pretty\" or \"off\""},
    {OptionCode::no_legend, "no-legend", nullptr, "", "do not print headers and footers of tables"},
    {OptionCode::no_pager, "no-pager", nullptr, "", "do not pipe long output into $SYSTEMD_PAGER, $PAGER or less"},
    {OptionCode::full, "full", nullptr, "", "do not shorten lines to the terminal's width"},
    {OptionCode::quiet, "quiet", nullptr, "", "do not print progress and remarks; list: print only names"},
    {OptionCode::no_ask_password, "no-ask-password", nullptr, "", "do not ask for a password"},
    {OptionCode::all, "all", nullptr, "recycle", "replace every worker"},
    {OptionCode::signal, "signal", "SIGNAL", "kill", "the signal; default SIGTERM"},
    {OptionCode::property, "property", "NAME[,NAME...]", "show", "print only these; may be given several times"},
    {OptionCode::value, "value", nullptr, "show", "print values without \"NAME=\""},
    {OptionCode::follow, "follow", nullptr, "logs", "print new lines as they arrive"},
    {OptionCode::lines, "lines", "N", "logs", "print only the last N lines"},
    {OptionCode::format, "format", "FORMAT", "metrics", "\"openmetrics\", the default, or \"prometheus\" (0.0.4)"},
    {OptionCode::hosts, "hosts", "HOST[,HOST...]|FILE", "rollout", "the hosts, for ssh; a path with a slash is a file"},
    {OptionCode::upgrade, "upgrade", nullptr, "rollout", "upgrade the package instead of a reload"},
    {OptionCode::upgrade_command, "upgrade-command", "COMMAND", "rollout",
     "the same by this command; default: apt-get"},
    {OptionCode::parallel, "parallel", "K", "rollout", "K hosts at a time; default 1"},
    {OptionCode::drain_wait, "drain-wait", "TIME", "rollout", "in which load balancers notice a drain; default 5s"},
    {OptionCode::drain_timeout, "drain-timeout", "TIME", "rollout", "wait for connections at most; default 30s"},
    {OptionCode::soak, "soak", "TIME", "rollout", "watch each host before the next one; default 10s"},
    {OptionCode::dry_run, "dry-run", nullptr, "rollout", "show what would be done, and change nothing"},
    {OptionCode::from_start, "from-start", nullptr, "rollout", "also hosts that a rollout before has done"},
    {OptionCode::help, "help", nullptr, "", "print this help"},
    {OptionCode::version, "version", nullptr, "", "print the version"},
});

}  // namespace

std::span<const OptionRow> option_rows() { return rows; }

char short_name(const OptionRow& row) {
  const int code = static_cast<int>(row.code);
  return code < 256 ? static_cast<char>(code) : '\0';
}

}  // namespace preforkd::ctl
