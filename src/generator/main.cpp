// SPDX-License-Identifier: MIT
// Makes of each pool's config what systemd has to know: systemd.generator(7).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/unique_fd.hpp"
#include "config/config.hpp"
#include "config/reader/pool_reader.hpp"
#include "generator/journal_line.hpp"
#include "generator/pool_units.hpp"

namespace preforkd {
namespace {

constexpr const char* usage = R"(usage: preforkd-generator [--config-folders FOLDER[:FOLDER...]] NORMAL [EARLY LATE]

Writes, below the folder NORMAL, what the units preforkd@NAME.socket and preforkd@NAME.service have to be told about each
pool that has a config. systemd runs it at boot and at systemctl daemon-reload; by hand it shows what systemd gets.

  --config-folders FOLDER:...   where pools have their configs, the first wins (default: /etc/preforkd:/usr/lib/preforkd)
  --help, --version

A config that is wrong is told of, and the other pools get theirs. Exit status: 0, 64 if the command line is wrong.
See preforkd-generator(8), preforkd.json(5).
)";

ConfigFolders split(std::string_view text) {
  ConfigFolders folders;
  for (;;) {
    const std::size_t colon = text.find(':');
    if (colon != 0 && !text.empty()) folders.emplace_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return folders;
    text.remove_prefix(colon + 1);
  }
}

// systemd reads the folder when all generators have ended, so a file needs no second name while it is written.
void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  const auto fail = [&] { throw std::system_error(errno, std::generic_category(), path.string()); };
  if (!fd) fail();
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t size = ::write(fd.get(), rest.data(), rest.size());
    if (size < 0) fail();
    rest.remove_prefix(static_cast<std::size_t>(size));
  }
}

void generate(const std::string& name, const std::string& file, const ConfigFolders& folders,
              const std::filesystem::path& output) {
  if (!is_pool_name(name))
    return tell_problem(escape_bytes(file, 4096) +
                        ": not a pool's config: a pool's name is a letter and up to 62 letters, digits or '_'");
  const auto pool = load_config_alone({.file = file, .name = name, .folders = folders});
  if (!pool) {
    for (const std::string& line : pool.error().lines) tell_problem(line);
    return tell_problem("the pool " + name + " gets no sockets until its config is mended");
  }
  const auto units = pool_units(*pool);
  if (!units) return tell_problem(escape_bytes(file, 4096) + ": " + units.error());
  for (const UnitFile& unit : *units) write(output / unit.path, unit.text);
}

int run(int argc, char** argv) {
  ConfigFolders folders = config_folders();
  int at = 1;
  for (; at < argc && argv[at][0] == '-'; ++at) {
    const std::string_view option = argv[at];
    if (option == "--help" || option == "-h")
      return std::fputs(usage, stdout) >= 0 ? exit_code::ok : exit_code::failure;
    if (option == "--version")
      return std::puts("preforkd-generator " PREFORKD_VERSION) >= 0 ? exit_code::ok : exit_code::failure;
    if (option != "--config-folders" || at + 1 >= argc) {
      std::fprintf(stderr, "preforkd-generator: %s (see --help)\n", argv[at]);
      return exit_code::usage;
    }
    folders = split(argv[++at]);
  }
  if (at >= argc || argc - at > 3) {
    std::fputs("preforkd-generator: needs one folder to write to, or three (see --help)\n", stderr);
    return exit_code::usage;
  }
  umask(022);
  for (const auto& [name, file] : find_configs(folders)) {
    try {
      generate(name, file, folders, argv[at]);
    } catch (const std::exception& error) {
      tell_problem(escape_bytes(file, 4096) + ": " + error.what());
    }
  }
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
