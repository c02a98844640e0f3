// SPDX-License-Identifier: MIT
// Any bytes as an environment file: variables that execve(2) takes, or a reason that begins with the line.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/reader/environment_syntax.hpp"
#include "config/values/environment_variable.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace preforkd;
  const auto variables = parse_environment_file({reinterpret_cast<const char*>(data), size});
  if (!variables) {
    require(variables.error().text.starts_with("line "), "a refusal begins with the line");
    return 0;
  }
  for (const auto& [name, value] : *variables) {
    require(is_environment_name(name), "a name is one that a variable can have");
    require(value.find('\0') == std::string::npos, "a value holds no NUL byte");
  }
  return 0;
}
