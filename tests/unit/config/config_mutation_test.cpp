// SPDX-License-Identifier: MIT
// Random damage to a good config: it is read, or refused with a message.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "config/reader/json_document.hpp"
#include "config/reader/pool_reader.hpp"

namespace preforkd {
namespace {

constexpr std::string_view good = R"({
  // comment
  "listen": ["127.0.0.1:9505", {"address": "@x", "name": "y", "backlog": 5}],
  "program": ["/bin/true", "-x"], "workers": {"min": 2, "max": 16}, "ready": "exec",
  "start_timeout": "1s", "drain_timeout": "1h 30min", "hang_timeout": "500ms", "stop": "mixed", "memory_max": "1G", "cpu_max": "50%", "pids_max": 9, "stop_signal": "INT",
  "restart": {"delay": "1s", "max_delay": "2s", "forget_after": "0s"}, /* more */
  "recycle": {"requests": 7, "age": "1d", "memory": "1G", "jitter": "12.5%", "at_most": 2},
  "reload": {"max_surge": "25%", "max_unavailable": 1, "soak": "5s"},
  "environment": {"A": "b"}, "directory": "/tmp", "umask": "0027", "nice": -5, "cpu_affinity": "0-0",
  "limits": {"nofile": 4096, "core": {"soft": "1M", "hard": "infinity"}, "cpu": "1min"}, "settings": {"b": [1, 2.5], "a": "\u0001\ud83d\ude00"}})";

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string mutate() {
    std::string text(good);
    for (std::size_t rounds = 1 + below(4); rounds > 0; --rounds) damage(text);
    return text;
  }

 private:
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  void damage(std::string& text) {
    constexpr std::string_view pieces[] = {"{",     "}",   "[",
                                           "]",     ",",   ":",
                                           "\"",    "-1",  "1e400",
                                           "null",  "\\",  "/*",
                                           "//",    "0",   "99999999999999999999",
                                           "\xFF",  "\n",  "\"workers\": 0,",
                                           "\"a\"", "off", "%"};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(below(12), text.size() - at);
    switch (below(4)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, pieces[below(std::size(pieces))]);
        break;
      case 2:
        text.insert(below(text.size() + 1), text.substr(at, length));
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
    }
    if (text.empty()) text = "{}";
  }

  std::mt19937 random_;
};

bool is_one_printable_line(const std::string& text) {
  return !text.empty() && text.find_first_of(std::string("\n\r\0\x1B", 4)) == std::string::npos;
}

TEST(ConfigMutation, damaged_configs_are_read_or_refused_with_a_message) {
  Mutator mutator(20260101);
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string text = mutator.mutate();
    SCOPED_TRACE(text);
    const auto document = parse_json_document(text);
    if (!document) {
      ASSERT_TRUE(is_one_printable_line(document.error().reason));
      ASSERT_LE(document.error().line, 20U);
      ASSERT_GE(document.error().column, 1U);
      continue;
    }
    if (!document->is_object()) continue;
    std::vector<ConfigProblem> problems;
    const PoolConfig pool = read_pool(*document, "pool", problems);
    for (const ConfigProblem& problem : problems) {
      ASSERT_TRUE(is_one_printable_line(problem.key + problem.value + problem.reason));
      ASSERT_FALSE(problem.reason.empty());
    }
    ++(problems.empty() ? accepted : refused);
  }
  // The damage must be small enough that some configs are read and large enough that some are refused.
  EXPECT_GT(accepted, 50);
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace preforkd
