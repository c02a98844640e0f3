// SPDX-License-Identifier: MIT
#include "config/reader/environment_files.hpp"

#include <cerrno>
#include <utility>

#include "base/escape.hpp"
#include "config/reader/environment_syntax.hpp"
#include "config/reader/text_file.hpp"

namespace preforkd {
namespace {

constexpr std::size_t max_environment_file_bytes = 1024 * 1024;

// Adds one file's variables to `out`.
Result<void> read_file(const std::string& entry, Environment& out) {
  const std::string path = environment_file_path(entry);
  const auto text = read_text_file(path, max_environment_file_bytes);
  if (!text) {
    const bool may_be_missing = path != entry;
    if (may_be_missing && text.error().number == ENOENT) return {};
    return failure_at(escape_bytes(path), text.error());
  }
  auto variables = parse_environment_file(*text);
  if (!variables) return failure_at(escape_bytes(path), variables.error());
  for (auto& [name, value] : *variables) {
    if (const auto reason = why_unsettable(name, value)) return failure_at(escape_bytes(path), name + ' ' + *reason);
    out.insert_or_assign(std::move(name), std::move(value));
  }
  return {};
}

}  // namespace

std::string environment_file_path(const std::string& entry) { return entry.substr(entry.starts_with('-') ? 1 : 0); }

Result<Environment> read_environment_files(const std::vector<std::string>& files) {
  Environment environment;
  for (const std::string& file : files) {
    if (auto read = read_file(file, environment); !read) return Failure(std::move(read.error()));
  }
  return environment;
}

}  // namespace preforkd
