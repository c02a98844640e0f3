// SPDX-License-Identifier: MIT
#include "config/config.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "config/config_reader.hpp"
#include "config/json_document.hpp"
#include "config/pool_reader.hpp"
#include "config/text_file.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_reported_problems = 1000;
constexpr const char* name_rule = "a pool's name is a letter and up to 62 letters, digits or '_'";

std::string join(std::initializer_list<std::string_view> parts) {
  std::string line;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    if (!line.empty()) line += ": ";
    line += part;
  }
  return line;
}

// True if `path` is `key` or something inside it.
bool is_within(std::string_view path, std::string_view key) {
  if (!path.starts_with(key)) return false;
  return path.size() == key.size() || path[key.size()] == '.' || path[key.size()] == '[';
}

std::string_view parent_of(std::string_view path) { return path.substr(0, std::min(path.rfind('.'), path.size())); }

// Puts problems into words and finds out who is to blame: the file or an option.
class FailureReport {
 public:
  explicit FailureReport(const ConfigSource& source) : source_(source) {}

  void add_file_problem(std::string_view where, std::string_view reason) {
    file_is_to_blame_ = true;
    lines_.push_back(join({escape_bytes(source_.file, 4096), where, reason}));
  }

  void add_option_problem(std::string_view option, std::string_view below, std::string_view value,
                          const std::string& reason) {
    lines_.push_back(join({escape_bytes(option), below, value, reason + " (see --help)"}));
  }

  void add(const ConfigProblem& problem) {
    if (lines_.size() >= max_reported_problems) {
      ++left_out_;
    } else if (const ConfigOverride* const cause = override_around(problem.key)) {
      std::string_view below = std::string_view(problem.key).substr(cause->key.size());
      if (below.starts_with('.')) below.remove_prefix(1);
      // Entries of --listen and arguments of the program have no number that their writer knows.
      if (below.starts_with('[') && !cause->option.starts_with("--set")) below = {};
      add_option_problem(cause->option, below, problem.value, problem.reason);
    } else if (const ConfigOverride* const maker = override_inside(problem); maker != nullptr) {
      add_option_problem(maker->option, problem.key, {}, problem.reason);
    } else if (source_.file.empty()) {
      add_option_problem("command line", problem.key, problem.value, problem.reason);
    } else {
      add_file_problem(problem.key, join({problem.value, problem.reason}));
    }
  }

  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }

  [[nodiscard]] ConfigFailure take() && {
    if (left_out_ > 0) add_file_problem({}, "… and " + std::to_string(left_out_) + " more problems");
    return {std::move(lines_), file_is_to_blame_ ? exit_code::config : exit_code::usage};
  }

 private:
  [[nodiscard]] const ConfigOverride* override_around(std::string_view key) const {
    const ConfigOverride* nearest = nullptr;
    for (const ConfigOverride& candidate : source_.overrides) {
      if (!is_within(key, candidate.key)) continue;
      if (nearest == nullptr || candidate.key.size() > nearest->key.size()) nearest = &candidate;
    }
    return nearest;
  }

  // An option that made the object which should not be there, or which lacks a key.
  [[nodiscard]] const ConfigOverride* override_inside(const ConfigProblem& problem) const {
    const std::string_view object = problem.value.empty() ? parent_of(problem.key) : std::string_view(problem.key);
    const auto found =
        std::find_if(source_.overrides.begin(), source_.overrides.end(),
                     [&](const ConfigOverride& each) { return !object.empty() && is_within(each.key, object); });
    return found == source_.overrides.end() ? nullptr : &*found;
  }

  const ConfigSource& source_;
  std::vector<std::string> lines_;
  std::size_t left_out_ = 0;
  bool file_is_to_blame_ = false;
};

std::optional<Json> read_document(const std::string& file, FailureReport& report) {
  const auto text = read_text_file(file, max_config_file_bytes);
  if (!text) {
    report.add_file_problem({}, text.error().reason);
    return std::nullopt;
  }
  auto document = parse_json_document(*text);
  if (!document) {
    const JsonError& error = document.error();
    report.add_file_problem("line " + std::to_string(error.line) + ", column " + std::to_string(error.column),
                            error.reason);
    return std::nullopt;
  }
  if (!document->is_object()) {
    report.add_file_problem({}, "must hold a JSON object: { … }");
    return std::nullopt;
  }
  return std::move(*document);
}

// Sets one key, making the objects on the way to it.
void apply(const ConfigOverride& change, Json& document, FailureReport& report) {
  Json* place = &document;
  std::string_view rest = change.key;
  for (;;) {
    if (!place->is_object()) {
      const std::string_view done = parent_of(std::string_view(change.key).substr(0, change.key.size() - rest.size()));
      report.add_option_problem(change.option, {}, {},
                                std::string(done) + " is " + show_value(*place) + ", not an object");
      return;
    }
    const std::size_t dot = rest.find('.');
    const std::string key(rest.substr(0, dot));
    if (dot == std::string_view::npos) {
      (*place)[key] = change.value;
      return;
    }
    rest.remove_prefix(dot + 1);
    place = &place->emplace(key, Json::object()).first.value();
  }
}

std::string base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

// A program's base name with what a pool's name can't hold replaced.
std::string fit_name(const Json& document) {
  const auto program = document.find("program");
  if (program == document.end() || !program->is_array() || program->empty() || !program->front().is_string())
    return "pool";
  constexpr std::size_t most = 63;
  std::string name = base_name(program->front().get_ref<const std::string&>()).substr(0, most);
  for (char& c : name) {
    if (!is_pool_name(std::string("a") + c)) c = '_';
  }
  if (is_pool_name(name)) return name;
  return ("pool_" + name).substr(0, most);
}

std::string find_name(const ConfigSource& source, const Json& document, FailureReport& report) {
  if (!source.name.empty()) {
    if (!is_pool_name(source.name)) report.add_option_problem("--name", {}, show_value(source.name), name_rule);
    return source.name;
  }
  if (source.file.empty()) return fit_name(document);
  std::string name = base_name(source.file);
  if (const std::size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0) name.resize(dot);
  if (!is_pool_name(name)) {
    report.add_file_problem(show_value(name), std::string(name_rule) + "; rename the file or give --name");
  }
  return name;
}

std::vector<std::string> files_of(const PoolConfig& pool) {
  std::vector<std::string> files;
  for (const std::string& argument : pool.program) {
    if (argument.starts_with('/')) files.push_back(argument);
  }
  for (const std::string& file : pool.environment_files) files.push_back(file.substr(file.starts_with('-') ? 1 : 0));
  return files;
}

}  // namespace

PoolConfig with_room_by_hand(PoolConfig config) {
  constexpr unsigned most_workers = 1024;
  if (config.file.empty() && config.workers.min == config.workers.max) {
    config.workers.min = 1;
    config.workers.max = std::max(config.workers.initial, most_workers);
  }
  return config;
}

tl::expected<PoolConfig, ConfigFailure> load_config(const ConfigSource& source) {
  FailureReport report(source);
  std::optional<Json> document = Json::object();
  if (!source.file.empty()) document = read_document(source.file, report);
  if (!document) return tl::unexpected(std::move(report).take());
  for (const ConfigOverride& change : source.overrides) apply(change, *document, report);
  const std::string name = find_name(source, *document, report);

  std::vector<ConfigProblem> problems;
  PoolConfig pool = read_pool(*document, name, problems);
  for (const ConfigProblem& problem : problems) report.add(problem);
  if (!report.empty()) return tl::unexpected(std::move(report).take());
  pool.file = source.file;
  pool.files = stamp_files(files_of(pool));
  return pool;
}

}  // namespace preforkd
