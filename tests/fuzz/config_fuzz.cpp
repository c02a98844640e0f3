// SPDX-License-Identifier: MIT
// Any bytes as a config file: read or refused with a message. Programs and files that a config names are looked at,
// never opened for writing and never run.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "config/reader/json_document.hpp"
#include "config/reader/pool_reader.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace preforkd;
  const auto document = parse_json_document({reinterpret_cast<const char*>(data), size});
  if (!document) {
    require(!document.error().reason.empty(), "a refusal has a reason");
    require(document.error().line >= 1 && document.error().column >= 1, "a refusal has a place");
    return 0;
  }
  if (!document->is_object()) return 0;
  std::vector<ConfigProblem> problems;
  const PoolConfig pool = read_pool(*document, "pool", problems);
  for (const ConfigProblem& problem : problems) {
    require(!problem.reason.empty(), "a problem has a reason");
    require((problem.key + problem.value + problem.reason).find('\n') == std::string::npos, "a problem is one line");
  }
  if (!problems.empty()) return 0;
  require(!pool.program.empty() && pool.program.front().starts_with('/'), "a good config has a program to run");
  require((pool.workers.min >= 1 || pool.scale) && pool.workers.max >= 1 && pool.workers.min <= pool.workers.initial &&
              pool.workers.initial <= pool.workers.max,
          "a good config has workers in order");
  return 0;
}
