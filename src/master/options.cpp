// SPDX-License-Identifier: MIT
#include "master/options.hpp"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/current_directory.hpp"
#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/refused_option.hpp"
#include "config/reader/json_document.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

enum Code : int {
  help_code = 'h',
  version_code = 256,
  config_code,
  check_code,
  check_upgrade_code,
  listen_code,
  workers_code,
  name_code,
  ready_code,
  set_code,
  socket_unit_code,
  bus_code,
  log_level_code,
  log_target_code,
  log_time_code
};

constexpr std::array<option, 16> long_options = {{{"listen", required_argument, nullptr, listen_code},
                                                  {"workers", required_argument, nullptr, workers_code},
                                                  {"name", required_argument, nullptr, name_code},
                                                  {"config", required_argument, nullptr, config_code},
                                                  {"check", no_argument, nullptr, check_code},
                                                  {"check-upgrade", no_argument, nullptr, check_upgrade_code},
                                                  {"ready", required_argument, nullptr, ready_code},
                                                  {"set", required_argument, nullptr, set_code},
                                                  {"socket-unit", required_argument, nullptr, socket_unit_code},
                                                  {"bus", required_argument, nullptr, bus_code},
                                                  {"log-level", required_argument, nullptr, log_level_code},
                                                  {"log-target", required_argument, nullptr, log_target_code},
                                                  {"log-time", no_argument, nullptr, log_time_code},
                                                  {"help", no_argument, nullptr, help_code},
                                                  {"version", no_argument, nullptr, version_code},
                                                  {nullptr, 0, nullptr, 0}}};

[[noreturn]] void reject(const std::string& text) { throw ExitError(exit_code::usage, text + " (see --help)"); }

std::string option_name(int code) {
  const auto found =
      std::find_if(long_options.begin(), long_options.end(), [&](const option& each) { return each.val == code; });
  return std::string("--") + found->name;
}

std::optional<Json> parse_value(const std::string& text) {
  auto value = parse_json_document(text);
  if (!value) return std::nullopt;
  return std::move(*value);
}

// "3" and "auto" unchanged; "2-16" as {"min": 2, "max": 16}. Anything else is left for the config's check to refuse.
Json workers_value(const std::string& text) {
  const std::size_t dash = text.find('-', 1);
  if (text.find_first_not_of("0123456789-") == std::string::npos && dash != std::string::npos &&
      dash + 1 < text.size()) {
    const auto min = parse_value(text.substr(0, dash));
    const auto max = parse_value(text.substr(dash + 1));
    if (min && max) return {{"min", *min}, {"max", *max}};
  }
  const auto number = parse_value(text);
  return number && number->is_number() ? *number : Json(text);
}

// A path made of names with dots between them, as config keys are.
bool is_key_path(std::string_view key) {
  if (key.empty() || key.front() == '.' || key.back() == '.' || key.find("..") != std::string_view::npos) return false;
  return std::count(key.begin(), key.end(), '.') < static_cast<std::ptrdiff_t>(max_json_depth);
}

class CommandLine {
 public:
  void take(int code, const std::string& value) {
    switch (code) {
      case listen_code:
        listen_.push_back(value);
        return;
      case set_code:
        return set(value);
      case check_code:
        options_.action = Options::Action::check;
        return;
      case check_upgrade_code:
        options_.action = Options::Action::check_upgrade;
        return;
      case workers_code:
        return override_key("workers", workers_value(value), "--workers");
      case ready_code:
        return override_key("ready", value, "--ready");
      case config_code:
        take_once(options_.source.file, value, "--config");
        options_.source.file = from_current_directory(options_.source.file);
        return;
      case name_code:
        return take_once(options_.source.name, value, "--name");
      case socket_unit_code:
        return take_once(options_.socket_unit, value, "--socket-unit");
      case bus_code:
        return set_bus(value);
      case log_level_code:
        return set_log_level(value);
      case log_target_code:
        return set_log_target(value);
      case log_time_code:
        options_.log_time = true;
        return;
      default:
        return;
    }
  }

  void take_program(std::vector<std::string> program) {
    const std::string& name = program.front();
    if (!name.starts_with('/') && name.find('/') != std::string::npos) program.front() = from_current_directory(name);
    override_key("program", std::move(program), "PROGRAM");
  }

  [[nodiscard]] Options finish() && {
    if (!listen_.empty()) override_key("listen", listen_, "--listen");
    // A name alone is that of a pool with a config in the pools' folders.
    options_.source.look_up = options_.source.file.empty() && !options_.source.name.empty() && !overrides("program");
    if (options_.source.file.empty() && !options_.source.look_up) complete_pool_without_file();
    return std::move(options_);
  }

 private:
  void override_key(const std::string& key, Json value, std::string option) {
    for (const ConfigOverride& other : options_.source.overrides) {
      if (other.key != key) continue;
      if (other.option == option) reject(option + ": given twice");
      reject(option + ": " + other.option + " sets the same");
    }
    options_.source.overrides.push_back({key, std::move(value), std::move(option)});
  }

  static void take_once(std::string& out, const std::string& value, const std::string& option) {
    if (!out.empty()) reject(option + ": " + in_quotes(value) + ": given twice");
    if (value.empty()) reject(option + ": \"\": is empty");
    out = value;
  }

  void set(const std::string& assignment) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) reject("--set: " + in_quotes(assignment) + ": must be KEY=VALUE");
    const std::string key = assignment.substr(0, equals);
    if (!is_key_path(key))
      reject("--set: " + in_quotes(assignment) +
             ": must begin with a key of the config, for instance drain_timeout=5s");
    const std::string text = assignment.substr(equals + 1);
    const std::string option = "--set " + key;
    if (key.starts_with("environment.")) return override_key(key, text, option);
    const auto value = parse_json_document(text);
    if (value) return override_key(key, *value, option);
    if (!text.empty() && std::string_view("{[\"").find(text.front()) != std::string_view::npos) {
      reject(escape_bytes(option, 80) + ": " + in_quotes(text) + ": column " + std::to_string(value.error().column) +
             ": " + value.error().reason);
    }
    override_key(key, text, option);
  }

  void set_log_level(const std::string& value) {
    const auto level = log::parse_level(value);
    if (!level) reject("--log-level: " + in_quotes(value) + ": must be " + log::level_words());
    options_.log_level = *level;
  }

  void set_log_target(const std::string& value) {
    const auto target = log::parse_target(value);
    if (!target) reject("--log-target: " + in_quotes(value) + ": must be " + log::target_words());
    options_.log_target = *target;
  }

  void set_bus(const std::string& value) {
    const auto bus = parse_bus(value);
    if (!bus) reject("--bus: " + in_quotes(value) + ": must be system, user, none or a D-Bus address (unix:path=/…)");
    options_.bus = *bus;
  }

  [[nodiscard]] bool overrides(std::string_view key) const {
    const auto& all = options_.source.overrides;
    return std::any_of(all.begin(), all.end(), [&](const ConfigOverride& each) { return each.key == key; });
  }

  // A user at a shell expects the program to run in the current directory.
  void complete_pool_without_file() {
    if (!overrides("program"))
      reject("nothing to run: give -- PROGRAM [ARGUMENT…], --config FILE, or the --name of a configured pool");
    const std::string here = current_directory();
    if (!here.empty() && !overrides("directory")) override_key("directory", here, "current directory");
  }

  Options options_;
  std::vector<std::string> listen_;
};

}  // namespace

Options parse_options(int argc, const char* const* argv) {
  std::vector<char*> arguments;
  for (int i = 0; i < argc; ++i) arguments.push_back(const_cast<char*>(argv[i]));  // getopt_long does not write to them
  arguments.push_back(nullptr);

  CommandLine line;
  opterr = 0;
  optind = 0;  // restarts GNU getopt
  for (;;) {
    const int at = std::max(optind, 1);
    const int code = getopt_long(argc, arguments.data(), "+:h", long_options.data(), nullptr);
    if (code == -1) break;
    if (code == help_code || code == version_code) {
      Options options;
      options.action = code == help_code ? Options::Action::help : Options::Action::version;
      return options;
    }
    if (code == ':') reject(option_name(optopt) + ": needs a value");
    if (code == '?') reject(refused_option(argv[at], optopt, long_options.data()));
    line.take(code, optarg != nullptr ? optarg : "");
  }
  if (optind >= argc) return std::move(line).finish();
  if (std::string_view(argv[optind - 1]) != "--") {
    reject(in_quotes(argv[optind]) + ": a program to run comes after --, a config file after --config");
  }
  line.take_program(std::vector<std::string>(argv + optind, argv + argc));
  return std::move(line).finish();
}

std::string help_text() {
  return R"(Usage: preforkd --config FILE [OPTION…]
       preforkd [--listen ADDRESS…] [--workers N] [OPTION…] -- PROGRAM [ARGUMENT…]

Runs N copies of PROGRAM on one set of listening sockets and replaces those that die or hang.
The sockets come from systemd (LISTEN_FDS) if it passed any, otherwise from --listen or the config.

  --config FILE        the config of the pool (JSON with comments)
  --check              check the config and everything it refers to, report every problem, and exit
  --listen ADDRESS     127.0.0.1:9505, [::1]:9505, /run/x.sock or @abstract; may be given several times
  --workers N          number of workers; "auto" for one per CPU, "2-16" for a range; default 1
  --name NAME          name of the pool: a letter, then letters, digits, '_' and '-';
                       default: FILE without folder and suffix, or derived from PROGRAM
  --ready notify|exec  notify (default): a worker is ready when it sends READY=1 (sd_notify);
                       exec: when it has run for reload.soak, 2s (programs without sd_notify)
  --set KEY=VALUE      set a key of the config: --set drain_timeout=5s --set reload.max_surge=2
                       VALUE is JSON or plain text; for environment.NAME it is always text
  --bus BUS            message bus of the pool: system, user, none or a D-Bus address;
                       default: the bus of the systemd that runs this service, otherwise none
  --socket-unit UNIT   get the sockets from UNIT of systemd: addresses that it does not pass are bound
                       with a warning, and systemd keeps all sockets for the next start
  --log-level LEVEL    error, warning, notice, info (default) or debug
  --log-target TARGET  where log messages go: auto (default): journal if stderr is connected to it,
                       otherwise console; console: stderr; console-prefixed: stderr with levels as <6>;
                       null: nowhere
  --log-time           begin each line on stderr with the time
  -h, --help           print this help
  --version            print the version

Options override the same keys in FILE; all --listen together replace "listen".
Without FILE the workers run in the current directory.

Exit status: 0 success, 64 wrong command line, 69 a socket can't be bound or the program can't be
executed, 71 a system call failed, 78 wrong config.
)";
}

std::string version_text() { return "preforkd " PREFORKD_VERSION "\n"; }

}  // namespace preforkd
