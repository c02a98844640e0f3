// SPDX-License-Identifier: MIT
#include "ctl/command/option_table.hpp"

#include <array>

namespace preforkd::ctl {
namespace {

constexpr auto rows = std::to_array<OptionRow>({
    {OptionCode::system, "system", nullptr, "", "talk to pools on the system bus; this is the default"},
    {OptionCode::user, "user", nullptr, "", "to those on the user's own bus"},
    {OptionCode::address, "address", "ADDRESS", "", "to those on the bus at this D-Bus address"},
    {OptionCode::host, "host", "[USER@]HOST", "", "to those of another machine, by ssh"},
    {OptionCode::machine, "machine", "[USER@]MACHINE", "", "to those in a local container (machinectl)"},
    {OptionCode::root, "root", "FOLDER", "", "the pools' configs are below this folder, as in /etc/preforkd"},
    {OptionCode::json, "json", "MODE", "", "print JSON: \"short\", \"pretty\" or \"off\""},
    {OptionCode::no_legend, "no-legend", nullptr, "", "no head and no foot around tables"},
    {OptionCode::no_pager, "no-pager", nullptr, "", "do not pipe long output into $SYSTEMD_PAGER, $PAGER or less"},
    {OptionCode::full, "full", nullptr, "", "do not shorten lines to the terminal's width"},
    {OptionCode::quiet, "quiet", nullptr, "", "no progress and no remarks; list: only names"},
    {OptionCode::no_ask_password, "no-ask-password", nullptr, "", "never ask for a password"},
    {OptionCode::all, "all", nullptr, "recycle", "every worker"},
    {OptionCode::signal, "signal", "SIGNAL", "kill", "which one: SIGTERM unless given"},
    {OptionCode::property, "property", "NAME[,NAME...]", "show", "only these; may be given again"},
    {OptionCode::value, "value", nullptr, "show", "values without \"NAME=\""},
    {OptionCode::follow, "follow", nullptr, "logs", "go on with new lines as they come"},
    {OptionCode::lines, "lines", "N", "logs", "only the last N lines"},
    {OptionCode::format, "format", "FORMAT", "metrics", "\"openmetrics\", the default, or \"prometheus\" (0.0.4)"},
    {OptionCode::help, "help", nullptr, "", "print this"},
    {OptionCode::version, "version", nullptr, "", "print the version"},
});

}  // namespace

std::span<const OptionRow> option_rows() { return rows; }

char short_name(const OptionRow& row) {
  const int code = static_cast<int>(row.code);
  return code < 256 ? static_cast<char>(code) : '\0';
}

}  // namespace preforkd::ctl
