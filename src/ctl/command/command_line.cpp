// SPDX-License-Identifier: MIT
#include "ctl/command/command_line.hpp"

#include <getopt.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/nearest_name.hpp"
#include "base/refused_option.hpp"
#include "base/signal_name.hpp"
#include "base/unit_names.hpp"
#include "base/whole_number.hpp"
#include "config/values/pool_name.hpp"
#include "ctl/command/option_table.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/rollout/host_list.hpp"

namespace preforkd::ctl {
namespace {

[[noreturn]] void reject(const std::string& text) {
  throw ExitError(exit_code::usage, text + " (see preforkctl --help)");
}

const Verb& find_verb(const std::string& name) {
  const auto all = verbs();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Verb& verb) { return verb.name == name; });
  if (found != all.end()) return *found;
  std::vector<std::string_view> names;
  for (const Verb& verb : all) names.push_back(verb.name);
  const std::string_view nearest = nearest_name(name, names);
  reject(in_quotes(name) + ": unknown verb" + (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + '?'));
}

JsonMode json_mode(const std::string& text) {
  if (text == "off") return JsonMode::off;
  if (text == "short") return JsonMode::compact;
  if (text == "pretty") return JsonMode::pretty;
  reject("--json: " + in_quotes(text) + ": must be short, pretty or off");
}

MetricsFormat metrics_format(const std::string& text) {
  if (text == "openmetrics") return MetricsFormat::open_metrics;
  if (text == "prometheus") return MetricsFormat::prometheus;
  reject("--format: " + in_quotes(text) + ": must be openmetrics or prometheus");
}

// The table of options in the form that getopt_long() needs.
class Getopt {
 public:
  Getopt() {
    letters_ = "-:";  // arguments are returned among the options, so that those before "--" are known
    for (const OptionRow& row : option_rows()) {
      const int takes = row.value != nullptr ? required_argument : no_argument;
      options_.push_back({row.name, takes, nullptr, static_cast<int>(row.code)});
      if (short_name(row) == '\0') continue;
      letters_ += short_name(row);
      if (row.value != nullptr) letters_ += ':';
    }
    options_.push_back({nullptr, 0, nullptr, 0});
  }

  int next(int argc, std::vector<char*>& argv) const {
    return getopt_long(argc, argv.data(), letters_.c_str(), options_.data(), nullptr);
  }

  [[nodiscard]] const option* options() const noexcept { return options_.data(); }

 private:
  std::string letters_;
  std::vector<option> options_;
};

std::string option_name(int code) {
  for (const OptionRow& row : option_rows()) {
    if (static_cast<int>(row.code) == code) return std::string("--") + row.name;
  }
  return {'-', static_cast<char>(code)};
}

Duration time_span(OptionCode code, const std::string& value) {
  const Result<Duration> span = parse_time_span(value);
  if (!span) reject(option_name(static_cast<int>(code)) + ": " + in_quotes(value) + ": " + span.error().text);
  return *span;
}

unsigned hosts_at_a_time(const std::string& value) {
  const auto number = whole_number<unsigned>(value);
  if (!number || *number == 0) reject("--parallel: " + in_quotes(value) + ": must be a number from 1 on");
  return *number;
}

class CommandLine {
 public:
  void take(OptionCode code, const std::string& value) {
    given_.push_back(code);
    switch (code) {
      case OptionCode::system:
        break;
      case OptionCode::user:
        options_.bus.user = true;
        break;
      case OptionCode::address:
        return take_target(BusTarget::Kind::address, value, code);
      case OptionCode::host:
        return take_target(BusTarget::Kind::host, value, code);
      case OptionCode::machine:
        return take_target(BusTarget::Kind::machine, value, code);
      case OptionCode::json:
        options_.json = json_mode(value);
        break;
      case OptionCode::root:
        options_.root = value == "/" ? "" : value;
        break;
      case OptionCode::format:
        options_.format = metrics_format(value);
        break;
      case OptionCode::signal:
        return take_signal(value);
      case OptionCode::property:
        return take_properties(value);
      case OptionCode::lines:
        return take_lines(value);
      case OptionCode::hosts:
        if (!options_.hosts.empty()) throw ExitError(exit_code::usage, "--hosts: is there twice; write one list");
        options_.hosts = host_list(value);
        break;
      case OptionCode::upgrade_command:
        options_.rollout.upgrade = true;
        options_.rollout.upgrade_command = value;
        break;
      case OptionCode::parallel:
        options_.rollout.parallel = hosts_at_a_time(value);
        break;
      case OptionCode::drain_wait:
        options_.rollout.drain_wait = time_span(code, value);
        break;
      case OptionCode::drain_timeout:
        options_.rollout.drain_timeout = time_span(code, value);
        break;
      case OptionCode::soak:
        options_.rollout.soak = time_span(code, value);
        break;
      default:
        take_flag(code);
    }
  }

  void take_argument(std::string argument) { arguments_.push_back(std::move(argument)); }

  [[nodiscard]] Options finish(std::vector<std::string> after_dashes) && {
    if (options_.help || options_.version) return std::move(options_);
    check_target();
    options_.verb = &find_verb(arguments_.empty() ? "list" : arguments_.front());
    if (!arguments_.empty()) arguments_.erase(arguments_.begin());
    std::vector<std::string>& rest = options_.verb->passes_on ? options_.passed_on : arguments_;
    rest.insert(rest.end(), after_dashes.begin(), after_dashes.end());
    check_verb();
    options_.arguments = std::move(arguments_);
    return std::move(options_);
  }

 private:
  void take_flag(OptionCode code) {
    if (code == OptionCode::help) options_.help = true;
    if (code == OptionCode::version) options_.version = true;
    if (code == OptionCode::no_legend) options_.legend = false;
    if (code == OptionCode::no_pager) options_.pager = false;
    if (code == OptionCode::no_ask_password) options_.ask_password = false;
    if (code == OptionCode::quiet) options_.quiet = true;
    if (code == OptionCode::full) options_.full = true;
    if (code == OptionCode::all) options_.all = true;
    if (code == OptionCode::follow) options_.follow = true;
    if (code == OptionCode::value) options_.only_values = true;
    if (code == OptionCode::upgrade) options_.rollout.upgrade = true;
    if (code == OptionCode::dry_run) options_.dry_run = true;
    if (code == OptionCode::from_start) options_.from_start = true;
  }

  void take_target(BusTarget::Kind kind, const std::string& where, OptionCode code) {
    const std::string name = option_name(static_cast<int>(code));
    if (where.empty()) reject(name + ": \"\": is empty");
    if (options_.bus.kind != BusTarget::Kind::local) reject(name + ": another option already selects the bus");
    options_.bus.kind = kind;
    options_.bus.where = where;
  }

  void take_signal(const std::string& value) {
    const auto signal = parse_signal(value);
    if (!signal) reject("--signal: " + in_quotes(value) + " " + signal.error().text);
    options_.signal = *signal;
  }

  void take_lines(const std::string& value) {
    const bool number = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    if (!number && value != "all") reject("--lines: " + in_quotes(value) + ": must be a number or \"all\"");
    options_.lines = value;
  }

  void take_properties(const std::string& value) {
    std::istringstream names(value);
    for (std::string name; std::getline(names, name, ',');) {
      if (!name.empty()) options_.properties.push_back(name);
    }
    if (options_.properties.empty()) reject("--property: " + in_quotes(value) + ": names no property");
  }

  [[nodiscard]] bool given(OptionCode code) const {
    return std::find(given_.begin(), given_.end(), code) != given_.end();
  }

  void check_target() const {
    const BusTarget& bus = options_.bus;
    if (bus.user && given(OptionCode::system)) reject("--system: contradicts --user");
    if (bus.user && bus.kind == BusTarget::Kind::host) reject("--user: only the system bus can be reached with -H");
    if (bus.kind == BusTarget::Kind::address && (bus.user || given(OptionCode::system))) {
      reject("--address: contradicts --user and --system");
    }
  }

  void check_verb() const {
    const Verb& verb = *options_.verb;
    const std::string usage =
        std::string(verb.name) + (verb.arguments.empty() ? "" : " ") + std::string(verb.arguments);
    for (const OptionRow& row : option_rows()) {
      if (!row.verb.empty() && row.verb != verb.name && given(row.code)) {
        reject(option_name(static_cast<int>(row.code)) + ": only with \"" + std::string(row.verb) + '"');
      }
    }
    if (arguments_.size() < verb.min_arguments) reject("too few arguments: it is \"preforkctl " + usage + '"');
    if (arguments_.size() > verb.max_arguments) {
      reject(in_quotes(arguments_[verb.max_arguments]) + ": too many arguments: it is \"preforkctl " + usage + '"');
    }
  }

  Options options_;
  std::vector<OptionCode> given_;
  std::vector<std::string> arguments_;
};

// "  LEFT   RIGHT", with RIGHT on a line of its own after a long LEFT.
void add_row(std::string& text, std::string_view left, std::string_view right, std::size_t width) {
  std::string line = "  " + std::string(left);
  const std::size_t column = width + 4;
  if (line.size() + 2 > column) {
    text += line + '\n';
    line.clear();
  }
  line.resize(column, ' ');
  text += line.append(right) + '\n';
}

std::string option_column(const OptionRow& row) {
  const char letter = short_name(row);
  std::string text = letter != '\0' ? std::string{'-', letter, ',', ' '} : "    ";
  text.append("--").append(row.name);
  if (row.value != nullptr) text.append("=").append(row.value);
  return text;
}

[[noreturn]] void reject_argument(const std::string& text, const std::string& reason) {
  throw ExitError(exit_code::usage, in_quotes(text) + " " + reason);
}

}  // namespace

Options parse_options(int argc, const char* const* argv) {
  std::vector<char*> words;
  for (int i = 0; i < argc; ++i) words.push_back(const_cast<char*>(argv[i]));  // getopt_long does not write to them
  words.push_back(nullptr);

  const Getopt getopt;
  CommandLine line;
  opterr = 0;
  optind = 0;  // restarts GNU getopt
  for (;;) {
    const int at = std::max(optind, 1);
    const int code = getopt.next(argc, words);
    if (code == -1) break;
    if (code == 1) {
      line.take_argument(optarg);
      continue;
    }
    if (code == ':') reject(option_name(optopt) + ": needs a value");
    if (code == '?') reject(refused_option(argv[at], optopt, getopt.options()));
    line.take(static_cast<OptionCode>(code), optarg != nullptr ? optarg : "");
  }
  return std::move(line).finish(std::vector<std::string>(argv + optind, argv + argc));
}

std::string help_text() {
  std::string text =
      "Usage: preforkctl [OPTION...] VERB [ARGUMENT...]\n"
      "Shows and controls the pools of preforkd.\n\nVerbs:\n";
  constexpr std::size_t verb_width = 26;
  for (const Verb& verb : verbs()) {
    add_row(text, std::string(verb.name) + (verb.arguments.empty() ? "" : " ") + std::string(verb.arguments), verb.help,
            verb_width);
  }
  text += "\nOptions:\n";
  for (const OptionRow& row : option_rows()) {
    const std::string only = row.verb.empty() ? "" : std::string(row.verb) + ": ";
    add_row(text, option_column(row), only + std::string(row.help), verb_width);
  }
  return text +
         "\n"
         "Exit status: 0 success; 1 failure; 3 the pool is not running, or status: is degraded, starting or stopping;\n"
         "4 it does not exist; 64 wrong command line; 69 the bus or the pool does not answer; 77 permission denied.\n";
}

std::string pool_argument(const std::string& text) {
  const std::string_view name = pool_of_unit(text).value_or(text);
  if (!is_pool_name(name))
    reject_argument(text,
                    "is not a valid pool name: a letter, then letters, digits, '_' and '-' (\"preforkctl list\")");
  return std::string(name);
}

std::uint32_t slot_argument(const std::string& text) {
  const auto slot = whole_number<std::uint32_t>(text);
  if (!slot) reject_argument(text, "is not a slot: a number from 0 on (\"preforkctl workers POOL\")");
  return *slot;
}

std::uint32_t workers_argument(const std::string& text) {
  const auto workers = whole_number<std::uint32_t>(text);
  if (!workers) reject_argument(text, "is not a number of workers, or auto");
  return *workers;
}

}  // namespace preforkd::ctl
