// SPDX-License-Identifier: MIT
#include "config/config.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "config/reader/config_reader.hpp"
#include "config/reader/environment_files.hpp"
#include "config/reader/json_document.hpp"
#include "config/reader/pool_reader.hpp"
#include "config/reader/text_file.hpp"
#include "config/values/pool_name.hpp"
#include "config/values/program_path.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_reported_problems = 1000;

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

// True if the object sets the key, or something around it: follows the path's steps as far as they lead.
bool speaks_of(const Json& object, std::string_view path) {
  const Json* place = &object;
  while (!path.empty() && place->is_object()) {
    const std::size_t end = std::min(path.find_first_of(".["), path.size());
    const auto found = place->find(path.substr(0, end));
    if (found == place->end()) return false;
    place = &*found;
    path.remove_prefix(end);
    if (path.starts_with('[')) return true;  // an array is set as a whole
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return true;
}

// Words problems and finds their source: the file, one of its drop-ins, or an option.
class FailureReport {
 public:
  FailureReport(const ConfigSource& source, std::string file) : source_(source), file_(std::move(file)) {}

  void add_file_problem(std::string_view where, std::string_view reason) { add_problem_of(file_, where, reason); }

  void add_problem_of(const std::string& file, std::string_view where, std::string_view reason) {
    file_is_to_blame_ = true;
    lines_.push_back(join({escape_bytes(file, 4096), where, reason}));
  }

  // A drop-in that was applied.
  void add_drop_in(std::string file, Json patch) { drop_ins_.emplace_back(std::move(file), std::move(patch)); }

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
      // Users do not know entries of --listen and arguments of the program by number.
      if (below.starts_with('[') && !cause->option.starts_with("--set")) below = {};
      add_option_problem(cause->option, below, problem.value, problem.reason);
    } else if (const ConfigOverride* const maker = override_inside(problem); maker != nullptr) {
      add_option_problem(maker->option, problem.key, {}, problem.reason);
    } else if (file_.empty()) {
      add_option_problem("command line", problem.key, problem.value, problem.reason);
    } else {
      add_problem_of(file_with(problem), problem.key, join({problem.value, problem.reason}));
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

  // The file that set the wrong value last; for a missing key the config's own file.
  [[nodiscard]] const std::string& file_with(const ConfigProblem& problem) const {
    const auto found = std::find_if(drop_ins_.rbegin(), drop_ins_.rend(), [&](const auto& drop_in) {
      return !problem.value.empty() && speaks_of(drop_in.second, problem.key);
    });
    return found == drop_ins_.rend() ? file_ : found->first;
  }

  // The option that made an object which is not allowed, or which lacks a key.
  [[nodiscard]] const ConfigOverride* override_inside(const ConfigProblem& problem) const {
    const std::string_view object = problem.value.empty() ? parent_of(problem.key) : std::string_view(problem.key);
    const auto found =
        std::find_if(source_.overrides.begin(), source_.overrides.end(),
                     [&](const ConfigOverride& each) { return !object.empty() && is_within(each.key, object); });
    return found == source_.overrides.end() ? nullptr : &*found;
  }

  const ConfigSource& source_;
  const std::string file_;
  std::vector<std::pair<std::string, Json>> drop_ins_;
  std::vector<std::string> lines_;
  std::size_t left_out_ = 0;
  bool file_is_to_blame_ = false;
};

std::optional<Json> read_document(const std::string& file, FailureReport& report) {
  const auto text = read_text_file(file, max_config_file_bytes);
  if (!text) {
    report.add_problem_of(file, {}, text.error().text);
    return std::nullopt;
  }
  auto document = parse_json_document(*text);
  if (!document) {
    const JsonError& error = document.error();
    report.add_problem_of(file, "line " + std::to_string(error.line) + ", column " + std::to_string(error.column),
                          error.reason);
    return std::nullopt;
  }
  if (!document->is_object()) {
    report.add_problem_of(file, {}, "must contain a JSON object: { … }");
    return std::nullopt;
  }
  return std::move(*document);
}

// The config's file with its drop-ins applied. Reports every file that cannot be read.
std::optional<Json> read_with_drop_ins(const std::string& file, const std::vector<std::string>& drop_ins,
                                       FailureReport& report) {
  std::optional<Json> document = read_document(file, report);
  for (const std::string& drop_in : drop_ins) {
    std::optional<Json> patch = read_document(drop_in, report);
    if (!patch || !document) continue;
    document->merge_patch(*patch);
    report.add_drop_in(drop_in, std::move(*patch));
  }
  if (!report.empty()) return std::nullopt;
  return document;
}

// Sets one key, and makes the objects on the way to it.
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

// After the program's base name.
std::string default_name(const Json& document) {
  const auto program = document.find("program");
  if (program == document.end() || !program->is_array() || program->empty() || !program->front().is_string())
    return "pool";
  const auto& path = program->front().get_ref<const std::string&>();
  return nearest_pool_name(path.substr(path.rfind('/') + 1));
}

std::string find_name(const ConfigSource& source, const std::string& file, const Json& document,
                      FailureReport& report) {
  if (!source.name.empty()) {
    if (!is_pool_name(source.name)) report.add_option_problem("--name", {}, show_value(source.name), pool_name_rule);
    return source.name;
  }
  if (file.empty()) return default_name(document);
  std::string name = pool_name_of_config(file);
  if (!is_pool_name(name)) {
    report.add_file_problem(show_value(name), std::string(pool_name_rule) + "; rename the file or give --name");
  }
  return name;
}

std::string where_looked(const ConfigSource& source) {
  std::string places;
  for (const std::string& file : pool_files(source.folders, source.name))
    places += (places.empty() ? "" : " nor ") + file;
  return "there is neither " + places;
}

std::vector<std::string> files_of(const PoolConfig& pool) {
  std::vector<std::string> files;
  for (const std::string& argument : pool.program) {
    if (argument.starts_with('/')) files.push_back(argument);
  }
  for (const std::string& file : pool.environment_files) files.push_back(environment_file_path(file));
  return files;
}

std::string to_text(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

tl::expected<PoolConfig, ConfigFailure> load(const ConfigSource& source, bool with_outside) {
  const std::string file = source.look_up ? find_config(source.name, source.folders) : source.file;
  FailureReport report(source, file);
  if (source.look_up && file.empty()) {
    report.add_option_problem("--name", {}, show_value(source.name), "no such pool: " + where_looked(source));
    return tl::unexpected(std::move(report).take());
  }
  std::vector<UnreadableFolder> unreadable;
  const std::vector<std::string> drop_ins =
      file.empty() ? std::vector<std::string>() : drop_ins_of(file, source.folders, unreadable);
  for (const UnreadableFolder& folder : unreadable) report.add_problem_of(folder.path, {}, folder.reason);
  std::optional<Json> document = Json::object();
  if (!file.empty()) document = read_with_drop_ins(file, drop_ins, report);
  if (!document) return tl::unexpected(std::move(report).take());
  for (const ConfigOverride& change : source.overrides) apply(change, *document, report);
  const std::string name = find_name(source, file, *document, report);

  std::vector<ConfigProblem> problems;
  PoolConfig pool = read_pool(*document, name, problems);
  for (const ConfigProblem& problem : problems) {
    if (with_outside || !problem.outside) report.add(problem);
  }
  if (!report.empty()) return tl::unexpected(std::move(report).take());
  pool.file = file;
  (*document)["program"][0] = pool.program.front();
  pool.document = to_text(Json::to_cbor(*document));
  if (with_outside) {
    pool.program_file = hold_program(pool.program.front());
    pool.files = stamp_files(files_of(pool));
  }
  return pool;
}

}  // namespace

SavedConfig save_config(const PoolConfig& config) { return {config.name, config.file, config.document, config.files}; }

Result<PoolConfig> restore_config(const SavedConfig& saved) {
  constexpr bool strict = true;
  constexpr bool may_throw = false;
  const Json document = Json::from_cbor(saved.document, strict, may_throw);
  if (!document.is_object() || !is_pool_name(saved.name)) return Failure("the config of a generation is damaged");
  std::vector<ConfigProblem> problems;
  PoolConfig pool = read_pool(document, saved.name, problems);
  for (const ConfigProblem& problem : problems) {
    if (!problem.outside) return Failure("the config of a generation: " + problem.key + ": " + problem.reason);
  }
  pool.file = saved.file;
  pool.document = saved.document;
  pool.files = saved.files;
  return with_room_by_hand(std::move(pool));
}

PoolConfig with_room_by_hand(PoolConfig config) {
  constexpr unsigned default_max = 1024;
  if (config.file.empty() && config.workers.min == config.workers.max) {
    config.workers.min = 1;
    config.workers.max = std::max(config.workers.initial, default_max);
  }
  return config;
}

tl::expected<PoolConfig, ConfigFailure> load_config(const ConfigSource& source) { return load(source, true); }
tl::expected<PoolConfig, ConfigFailure> load_config_alone(const ConfigSource& source) { return load(source, false); }

}  // namespace preforkd
