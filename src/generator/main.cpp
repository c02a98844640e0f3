// SPDX-License-Identifier: MIT
// Turns each pool's config into units for systemd: systemd.generator(7).
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/split.hpp"
#include "config/config.hpp"
#include "config/config_places.hpp"
#include "config/values/pool_name.hpp"
#include "generator/journal_line.hpp"
#include "generator/last_valid.hpp"
#include "generator/pool_units.hpp"
#include "generator/unit_file.hpp"

namespace preforkd {
namespace {

constexpr const char* usage =
    R"(usage: preforkd-generator [--config-folders FOLDER[:FOLDER...]] [--last-valid FOLDER] NORMAL [EARLY LATE]

Generates the systemd units of all pools from their configs, in the folder NORMAL. systemd runs it at boot and at
systemctl daemon-reload; run by hand it shows what systemd would get.

  --config-folders FOLDER:...   folders with the configs of pools; earlier ones take precedence
                                (default: /etc/preforkd:/usr/lib/preforkd)
  --last-valid FOLDER           where to keep the units of each pool's last valid config
                                (default: /run/preforkd-generator if systemd runs it, otherwise nowhere)
  -h, --help, --version

A wrong config is reported, and its pool keeps the units of its last valid config. If there is none, its units refuse to
start. Other pools are not affected. Exit status: 0; 64 if the command line is wrong.
See preforkd-generator(8), preforkd.json(5).
)";

ConfigFolders parse_folders(std::string_view text) {
  ConfigFolders folders;
  for (const std::string_view folder : split(text, ':')) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
  return folders;
}

// systemd's sandbox lets generators write below /run (systemd 252 and later).
std::string default_last_valid() { return std::getenv("SYSTEMD_SCOPE") != nullptr ? generator_notes : ""; }

struct Pools {
  ConfigFolders folders;
  std::filesystem::path output;
  LastValid last_valid;
};

void write_all(const Pools& pools, const std::vector<UnitFile>& units) {
  for (const UnitFile& unit : units) write_file(pools.output / unit.path, unit.text);
}

// The pool's units, or all mistakes in its config.
tl::expected<PoolUnits, std::vector<std::string>> units_of(const std::string& name, const std::string& file,
                                                           const Pools& pools) {
  const auto pool = load_config_alone({.file = file, .name = name, .folders = pools.folders});
  if (!pool) return tl::unexpected(pool.error().lines);
  auto units = pool_units(*pool, pools.last_valid.recall(name).places);
  if (!units) return tl::unexpected(std::vector{escape_bytes(file, 4096) + ": " + units.error().text});
  return std::move(*units);
}

void generate(const std::string& name, const std::string& file, const Pools& pools) {
  if (!is_pool_name(name)) return tell_problem(escape_bytes(file, 4096) + ": not a pool's config: " + pool_name_rule);
  const auto units = units_of(name, file, pools);
  if (units) {
    write_all(pools, units->files);
    return pools.last_valid.remember(name, *units, "");
  }
  for (const std::string& line : units.error()) tell_problem(line);
  const std::string& problem = units.error().front();
  const PoolUnits kept = pools.last_valid.recall(name);
  tell_problem("pool " + name +
               (kept.files.empty() ? ": can't start; fix its config, then: systemctl daemon-reload"
                                   : ": keeps the units of its last valid config"));
  write_all(pools, kept.files.empty() ? refusing_units(name, problem) : kept.files);
  if (!kept.files.empty()) write_all(pools, wrong_config_notes(name, problem));
  pools.last_valid.remember(name, kept, problem);
}

int run(int argc, char** argv) {
  ConfigFolders folders = config_folders();
  std::string last_valid = default_last_valid();
  int at = 1;
  for (; at < argc && argv[at][0] == '-'; ++at) {
    const std::string_view option = argv[at];
    if (option == "--help" || option == "-h")
      return std::fputs(usage, stdout) >= 0 ? exit_code::ok : exit_code::failure;
    if (option == "--version")
      return std::puts("preforkd-generator " PREFORKD_VERSION) >= 0 ? exit_code::ok : exit_code::failure;
    const bool known = option == "--config-folders" || option == "--last-valid";
    if (!known || at + 1 >= argc) {
      std::fprintf(stderr, "preforkd-generator: %s (see --help)\n", argv[at]);
      return exit_code::usage;
    }
    ++at;
    if (option == "--last-valid") {
      last_valid = argv[at];
    } else {
      folders = parse_folders(argv[at]);
    }
  }
  if (at >= argc || argc - at > 3) {
    std::fputs("preforkd-generator: needs one folder to write to, or three (see --help)\n", stderr);
    return exit_code::usage;
  }
  umask(022);
  const Pools pools{std::move(folders), argv[at], LastValid(std::move(last_valid))};
  std::vector<UnreadableFolder> unreadable;
  const auto configs = find_configs(pools.folders, unreadable);
  for (const UnreadableFolder& folder : unreadable)
    tell_problem(escape_bytes(folder.path, 4096) + ": " + folder.reason);
  std::set<std::string> names;
  for (const auto& [name, file] : configs) {
    names.insert(name);
    try {
      generate(name, file, pools);
    } catch (const std::exception& error) {
      tell_problem(escape_bytes(file, 4096) + ": " + error.what());
    }
  }
  if (unreadable.empty()) pools.last_valid.forget_all_but(names);
  return exit_code::ok;
}

}  // namespace
}  // namespace preforkd

int main(int argc, char** argv) {
  try {
    return preforkd::run(argc, argv);
  } catch (const std::exception& error) {
    preforkd::tell_problem(error.what());
    return preforkd::exit_code::ok;  // an error here must not keep a machine from booting
  }
}
