// SPDX-License-Identifier: MIT
// Server::setting(): the type of the fallback says what a value must be.
#include <prefork/server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace prefork::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::unique_ptr<Server> server_with(const char* settings) {
  ::setenv("PREFORK_SETTINGS", settings, 1);
  return std::make_unique<Server>();
}

// What run() says of these settings, when `read` has read them.
template <class Read>
std::string problems(const char* settings, Read read) {
  const auto server = server_with(settings);
  read(*server);
  testing::internal::CaptureStderr();
  EXPECT_EQ(server->run(), 78);
  const std::string text = testing::internal::GetCapturedStderr();
  const std::string_view name = "settings.";
  return text.substr(text.find(name) + name.size());
}

template <class T>
std::string problem_of(const char* value, T fallback) {
  return problems((std::string(R"({"x": )") + value + "}").c_str(),
                  [&](Server& server) { EXPECT_EQ(server.setting("x", fallback), fallback); });
}

TEST(SettingTypesTest, absent_keys_have_their_fallback_with_its_type) {
  const auto server = server_with("{}");
  Server& s = *server;
  const auto is = [](auto setting, auto expected) {
    static_assert(std::is_same_v<decltype(setting), decltype(expected)>);
    EXPECT_EQ(setting, expected);
  };
  is(s.setting("bool", true), true);
  is(s.setting("zero", 0), 0);
  is(s.setting("int", 5), 5);
  is(s.setting("unsigned", 5U), 5U);
  is(s.setting("long long", 5LL), 5LL);
  is(s.setting("size", std::size_t{5}), std::size_t{5});
  is(s.setting("int8", std::int8_t{-5}), std::int8_t{-5});
  is(s.setting("double", 1.5), 1.5);
  is(s.setting("float", 1.5F), 1.5F);
  is(s.setting("literal", "text"), std::string("text"));
  is(s.setting("string", std::string("text")), std::string("text"));
  is(s.setting("view", std::string_view("text")), std::string("text"));
  is(s.setting("milliseconds", 250ms), 250ms);
  is(s.setting("hours", 2h), 2h);
  is(s.setting("nanoseconds", 1ns), 1ns);
  is(s.setting("bytes", ByteSize{7}).bytes, std::uint64_t{7});
  is(s.setting("list", {"a", "b"}), std::vector<std::string>{"a", "b"});
  EXPECT_EQ(s.setting_json("json"), std::nullopt);
}

TEST(SettingTypesTest, values_are_read_as_what_the_fallback_is) {
  const auto server = server_with(R"({"bool": false, "int": -3, "most": 18446744073709551615, "least": -128,
      "double": 2.5, "whole": 2, "text": "a\u0000b", "span": "1min 30s", "bytes": "1.5K", "none": "0B",
      "list": ["x", "y"], "empty": [], "object": {"b": [1, 2.5, null], "a": "\u00e9"}})");
  Server& s = *server;
  EXPECT_FALSE(s.setting("bool", true));
  EXPECT_EQ(s.setting("int", 5), -3);
  EXPECT_EQ(s.setting("most", std::uint64_t{1}), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(s.setting("least", std::int8_t{1}), -128);
  EXPECT_EQ(s.setting("double", 1.0), 2.5);
  EXPECT_EQ(s.setting("whole", 1.0F), 2.0F);
  EXPECT_EQ(s.setting("text", ""), std::string("a\0b", 3));
  EXPECT_EQ(s.setting("span", 1ms), 90s);
  EXPECT_EQ(s.setting("span", 1ns), 90s);
  EXPECT_EQ(s.setting("span", 1min), 2min);
  EXPECT_EQ(s.setting("span", std::chrono::duration<double>(1)).count(), 90.0);
  EXPECT_EQ((s.setting("span", std::chrono::duration<std::int8_t>(1)).count()), 90);
  EXPECT_EQ(s.setting("bytes", ByteSize{}).bytes, 1536U);
  EXPECT_EQ(s.setting("none", ByteSize{1}).bytes, 0U);
  EXPECT_THAT(s.setting("list", std::vector<std::string>{}), ElementsAre("x", "y"));
  EXPECT_THAT(s.setting("empty", {"full"}), ElementsAre());
  EXPECT_EQ(s.setting_json("object"), R"({"a":"é","b":[1,2.5,null]})");
  EXPECT_EQ(s.setting_json("bool"), "false");
  EXPECT_EQ(s.run(), 69);  // no socket; no problem with the settings
}

TEST(SettingTypesTest, integers_have_the_range_of_their_type) {
  EXPECT_EQ(problem_of("128", std::int8_t{1}), "x: 128: must be from -128 to 127\n");
  EXPECT_EQ(problem_of("-129", std::int8_t{1}), "x: -129: must be from -128 to 127\n");
  EXPECT_EQ(problem_of("-1", 1U), "x: -1: must be from 0 to 4294967295\n");
  EXPECT_EQ(problem_of("65536", std::uint16_t{1}), "x: 65536: must be from 0 to 65535\n");
  EXPECT_EQ(problem_of("18446744073709551615", 1), "x: 18446744073709551615: must be from -2147483648 to 2147483647\n");
  EXPECT_EQ(problem_of("1.5", 1), "x: 1.5: must be a whole number\n");
  EXPECT_EQ(problem_of("1.5", 1ULL), "x: 1.5: must be a whole number\n");
}

TEST(SettingTypesTest, other_types_name_what_a_value_must_be) {
  EXPECT_EQ(problem_of("1", true), "x: 1: must be true or false\n");
  EXPECT_EQ(problem_of("\"1\"", 1.5), "x: \"1\": must be a number\n");
  EXPECT_EQ(problem_of("5", std::string("text")), "x: 5: must be a string in quotes\n");
  EXPECT_EQ(problem_of("5", 30s), "x: 5: has no unit; write \"5s\", \"5ms\", …\n");
  EXPECT_EQ(problem_of("true", 30s), "x: true: must be a time span such as \"30s\"\n");
  EXPECT_EQ(problem_of("\"366d\"", 1ms), "x: \"366d\": must be at most 365d\n");
  EXPECT_EQ(problem_of("\"3min\"", std::chrono::duration<std::int8_t>(1)), "x: \"3min\": must be at most 2min 7s\n");
  EXPECT_EQ(problem_of("[\"a\", 1]", std::vector<std::string>{"b"}), "x: […]: must be a list of strings\n");
  EXPECT_EQ(problem_of("\"a\"", std::vector<std::string>{"b"}), "x: \"a\": must be a list of strings\n");
  EXPECT_EQ(problems(R"({"x": 5})", [](Server& s) { EXPECT_EQ(s.setting("x", ByteSize{1}).bytes, 1U); }),
            "x: 5: has no unit; write \"5B\", \"64K\", …\n");
}

TEST(SettingTypesTest, only_keys_that_were_read_are_known) {
  const auto read = [](Server& s) {
    static_cast<void>(s.setting("interval", 1s));
    static_cast<void>(s.setting_json("routes"));
  };
  EXPECT_EQ(problems(R"({"interval": "5s", "routes": {}, "rotes": {}})", read),
            "rotes: unknown key; did you mean \"routes\"?\n");
}

template <class Fallback>
constexpr bool is_accepted = requires(Server& server, Fallback fallback) {
  server.setting("x", fallback);
};
static_assert(is_accepted<long> && is_accepted<const char*> && is_accepted<std::chrono::days>);
static_assert(!is_accepted<char> && !is_accepted<char32_t> && !is_accepted<std::nullptr_t> && !is_accepted<int*>);

}  // namespace
}  // namespace prefork::test
