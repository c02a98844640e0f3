// SPDX-License-Identifier: MIT
#include "config/reader/environment_files.hpp"

#include <cerrno>
#include <utility>

#include "base/escape.hpp"
#include "config/reader/config_reader.hpp"
#include "config/reader/environment_file.hpp"
#include "config/reader/text_file.hpp"
#include "wire/worker_env.hpp"

namespace preforkd {
namespace {

constexpr std::size_t max_environment_file_bytes = 1024 * 1024;

std::string reason_of(const std::string& file, const std::string& reason) { return escape_bytes(file) + ": " + reason; }

// Adds one file's variables to `out`.
Result<void> read_file(const std::string& file, Environment& out) {
  const bool may_be_missing = file.starts_with('-');
  const std::string path = may_be_missing ? file.substr(1) : file;
  const auto text = read_text_file(path, max_environment_file_bytes);
  if (!text) {
    if (may_be_missing && text.error().number == ENOENT) return {};
    return failure_at(escape_bytes(path), text.error());
  }
  auto variables = parse_environment_file(*text);
  if (!variables) return failure_at(escape_bytes(path), variables.error());
  for (auto& [name, value] : *variables) {
    if (worker_env::is_contract_variable(name)) {
      return Failure(reason_of(path, name + " is set by preforkd for each worker"));
    }
    if (name.size() + 1 + value.size() > max_exec_string_bytes) {
      return Failure(
          reason_of(path, name + " is longer than " + std::to_string(max_exec_string_bytes) + " bytes, the limit"));
    }
    out.insert_or_assign(std::move(name), std::move(value));
  }
  return {};
}

}  // namespace

Result<Environment> read_environment_files(const std::vector<std::string>& files) {
  Environment environment;
  for (const std::string& file : files) {
    if (auto read = read_file(file, environment); !read) return Failure(std::move(read.error()));
  }
  return environment;
}

}  // namespace preforkd
