// SPDX-License-Identifier: MIT
#include "worker/service/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>
#include <vector>

namespace {

using prefork::DrainIdle;
using prefork::internal::LimitValues;
using prefork::internal::Settings;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

std::vector<std::string> problems_of(const char* json, const LimitValues& programs = {}) {
  Settings settings(json);
  static_cast<void>(settings.limits(programs));
  return settings.problems();
}

TEST(Settings, absent_ones_leave_the_programs_limits) {
  LimitValues programs;
  programs.max_message = 7;
  programs.idle_timeout = 0ms;
  programs.drain_idle = DrainIdle::keep;
  for (const char* const json : {"", "{}"}) {
    Settings settings(json);
    const LimitValues limits = settings.limits(programs);
    EXPECT_EQ(limits.max_message, 7U);
    EXPECT_EQ(limits.idle_timeout, 0ms);
    EXPECT_EQ(limits.drain_idle, DrainIdle::keep);
    EXPECT_THAT(settings.problems(), IsEmpty());
  }
}

TEST(Settings, say_where_proxies_are) {
  using prefork::ProxyProtocol;
  Settings one(
      R"({"proxy_protocol": "require", "trusted_proxies": ["10.0.0.0/8", "unix"], "admin": {"proxy_protocol": "off"}})");
  EXPECT_EQ(one.limits({}).proxy_protocol, ProxyProtocol::require);
  EXPECT_EQ(one.limits({}).trusted_proxies.size(), 2U);
  EXPECT_EQ(one.service_limits("admin", {}).proxy_protocol, ProxyProtocol::off);
  EXPECT_EQ(one.service_limits("admin", {}).trusted_proxies.size(), 3U) << "its own, by default this host";
  EXPECT_THAT(one.problems(), IsEmpty());
  LimitValues programs;
  programs.proxy_protocol = ProxyProtocol::require;
  Settings by_name(R"({"proxy_protocol": {"web": "accept", "": "off"}})");
  const LimitValues limits = by_name.limits(programs);
  EXPECT_EQ(limits.proxy_protocol, ProxyProtocol::off) << "the object replaces what the program says";
  EXPECT_EQ(limits.proxy_protocol_of.at("web"), ProxyProtocol::accept);
  EXPECT_THAT(by_name.problems(), IsEmpty());
}

TEST(Settings, refuse_wrong_proxies) {
  EXPECT_THAT(problems_of(R"({"proxy_protocol": "on"})"),
              ElementsAre(R"(settings.proxy_protocol: "on": must be "off", "accept" or "require")"));
  EXPECT_THAT(problems_of(R"({"proxy_protocol": {"web": true}})"),
              ElementsAre(R"(settings.proxy_protocol.web: true: must be "off", "accept" or "require")"));
  EXPECT_THAT(problems_of(R"({"trusted_proxies": "10.0.0.1"})"),
              ElementsAre(R"(settings.trusted_proxies: "10.0.0.1": must be a list of strings)"));
  EXPECT_THAT(
      problems_of(R"({"trusted_proxies": ["10.0.0.1/8"]})"),
      ElementsAre(R"(settings.trusted_proxies: […]: "10.0.0.1/8" has bits behind its first 8: a network ends in )"
                  "zeros, a single host has no /8"));
}

TEST(Settings, override_each_limit) {
  Settings settings(
      R"({"max_message": "128K", "max_connections": 5, "output_high_mark": "1M", "idle_timeout": "1h 30min",
                        "message_timeout": "1.5s", "write_timeout": "off", "drain_timeout": "250ms", "drain_idle": "keep",
                        "first_message_grace": "2s"})");
  const LimitValues limits = settings.limits(LimitValues());
  EXPECT_EQ(limits.max_message, 128U * 1024);
  EXPECT_EQ(limits.max_connections, 5U);
  EXPECT_EQ(limits.output_high_mark, 1024U * 1024);
  EXPECT_EQ(limits.idle_timeout, 90min);
  EXPECT_EQ(limits.message_timeout, 1500ms);
  EXPECT_EQ(limits.write_timeout, 0ms);
  EXPECT_EQ(limits.drain_timeout, 250ms);
  EXPECT_EQ(limits.first_message_grace, 2s);
  EXPECT_EQ(limits.drain_idle, DrainIdle::keep);
  EXPECT_THAT(settings.problems(), IsEmpty());

  Settings closing(R"({"drain_idle": "close"})");
  LimitValues keeps;
  keeps.drain_idle = DrainIdle::keep;
  EXPECT_EQ(closing.limits(keeps).drain_idle, DrainIdle::close);
}

TEST(Settings, accept_the_ends_of_each_range) {
  EXPECT_THAT(problems_of(R"({"max_message": "1B", "max_connections": 1, "idle_timeout": "1ms"})"), IsEmpty());
  EXPECT_THAT(problems_of(R"({"max_message": "1G", "max_connections": 1000000, "idle_timeout": "365d"})"), IsEmpty());
}

TEST(Settings, round_time_outs_up_to_a_millisecond) {
  Settings settings(R"({"idle_timeout": "1001us"})");
  EXPECT_EQ(settings.limits(LimitValues()).idle_timeout, 2ms);
}

TEST(Settings, a_bare_number_where_a_unit_is_needed_says_so) {
  EXPECT_THAT(problems_of(R"({"max_message": 65536})"),
              ElementsAre("settings.max_message: 65536: has no unit; write \"65536B\", \"64K\", …"));
  EXPECT_THAT(problems_of(R"({"idle_timeout": 30})"),
              ElementsAre("settings.idle_timeout: 30: has no unit; write \"30s\", \"30ms\", …"));
  EXPECT_THAT(problems_of(R"({"max_message": "64"})"),
              ElementsAre("settings.max_message: \"64\": 64 has no unit; write 64B, 64K, …"));
}

TEST(Settings, wrong_types_name_key_value_and_reason) {
  EXPECT_THAT(
      problems_of(R"({"max_message": [1], "max_connections": "many", "idle_timeout": true, "drain_idle": "later"})"),
      UnorderedElementsAre("settings.max_message: […]: must be a size such as \"64K\"",
                           "settings.max_connections: \"many\": must be a whole number from 1 to 1000000",
                           "settings.idle_timeout: true: must be a time span such as \"30s\", or \"off\"",
                           "settings.drain_idle: \"later\": must be \"close\" or \"keep\""));
  EXPECT_THAT(problems_of(R"({"max_connections": 1.5})"),
              ElementsAre("settings.max_connections: 1.5: must be a whole number from 1 to 1000000"));
}

TEST(Settings, values_out_of_range_are_refused) {
  EXPECT_THAT(problems_of(R"({"max_connections": 0})"),
              ElementsAre("settings.max_connections: 0: must be from 1 to 1000000"));
  EXPECT_THAT(problems_of(R"({"max_connections": -1})"),
              ElementsAre("settings.max_connections: -1: must be from 1 to 1000000"));
  EXPECT_THAT(problems_of(R"({"max_connections": 1000001})"),
              ElementsAre("settings.max_connections: 1000001: must be from 1 to 1000000"));
  EXPECT_THAT(problems_of(R"({"max_message": "0B"})"),
              ElementsAre("settings.max_message: \"0B\": must be from 1B to 1G"));
  EXPECT_THAT(problems_of(R"({"output_high_mark": "2G"})"),
              ElementsAre("settings.output_high_mark: \"2G\": must be from 1B to 1G"));
  EXPECT_THAT(problems_of(R"({"idle_timeout": "500us"})"),
              ElementsAre("settings.idle_timeout: \"500us\": must be at least 1ms, or \"off\""));
  EXPECT_THAT(problems_of(R"({"idle_timeout": "366d"})"),
              ElementsAre("settings.idle_timeout: \"366d\": must be at most 365d"));
}

TEST(Settings, a_wrong_value_changes_nothing) {
  Settings settings(R"({"max_message": "2G", "idle_timeout": 5, "drain_idle": 1})");
  const LimitValues limits = settings.limits(LimitValues());
  EXPECT_EQ(limits.max_message, LimitValues().max_message);
  EXPECT_EQ(limits.idle_timeout, LimitValues().idle_timeout);
  EXPECT_EQ(limits.drain_idle, LimitValues().drain_idle);
}

TEST(Settings, the_programs_own_limits_are_held_to_the_same_ranges) {
  LimitValues programs;
  programs.max_message = 0;
  programs.message_timeout = -1ms;
  EXPECT_THAT(problems_of("{}", programs),
              ElementsAre("Server::limits(): max_message: 0: must be from 1B to 1G",
                          "Server::limits(): message_timeout: -1ms: must be from 0 (off) to 365d"));
  EXPECT_THAT(problems_of(R"({"max_message": "1K", "message_timeout": "1s"})", programs), IsEmpty());
}

TEST(Settings, the_application_reads_its_keys) {
  Settings settings(R"({"verbose": true, "depth": -3, "greeting": "hello\u0000\n"})");
  EXPECT_TRUE(settings.boolean("verbose", false));
  EXPECT_EQ(settings.integer("depth", 1), -3);
  EXPECT_EQ(settings.string("greeting", ""), std::string("hello\0\n", 7));
  EXPECT_FALSE(settings.boolean("other", false));
  EXPECT_EQ(settings.integer("another", 42), 42);
  EXPECT_EQ(settings.string("third", "default"), "default");
  EXPECT_THAT(settings.problems(), IsEmpty());
}

TEST(Settings, an_applications_value_of_another_type_is_a_problem_and_the_fallback_is_used) {
  Settings settings(R"({"verbose": "yes", "depth": 1.5, "huge": 9223372036854775808, "greeting": 1})");
  EXPECT_TRUE(settings.boolean("verbose", true));
  EXPECT_EQ(settings.integer("depth", 7), 7);
  EXPECT_EQ(settings.integer("huge", 8), 8);
  EXPECT_EQ(settings.string("greeting", "hi"), "hi");
  EXPECT_THAT(
      settings.problems(),
      ElementsAre("settings.verbose: \"yes\": must be true or false", "settings.depth: 1.5: must be a whole number",
                  "settings.huge: 9223372036854775808: must be from -9223372036854775808 to 9223372036854775807",
                  "settings.greeting: 1: must be a string in quotes"));
}

TEST(Settings, the_largest_integers_are_exact) {
  Settings settings(R"({"most": 9223372036854775807, "least": -9223372036854775808})");
  EXPECT_EQ(settings.integer("most", 0), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(settings.integer("least", 0), std::numeric_limits<std::int64_t>::min());
}

TEST(Settings, a_problem_is_told_once) {
  Settings settings(R"({"verbose": 1})");
  EXPECT_FALSE(settings.boolean("verbose", false));
  EXPECT_TRUE(settings.boolean("verbose", true));
  EXPECT_EQ(settings.problems().size(), 1U);
}

TEST(Settings, an_unknown_key_names_the_nearest_known_one) {
  EXPECT_THAT(
      problems_of(R"({"max_mesage": "64K", "zebra": 1})"),
      ElementsAre("settings.max_mesage: unknown key; did you mean \"max_message\"?", "settings.zebra: unknown key"));
}

TEST(Settings, reading_a_key_makes_it_known) {
  Settings settings(R"({"log_messages": true, "log_mesages": true})");
  EXPECT_EQ(settings.problems().size(), 2U);
  EXPECT_TRUE(settings.boolean("log_messages", false));
  EXPECT_THAT(settings.problems(), ElementsAre("settings.log_mesages: unknown key; did you mean \"log_messages\"?"));
}

TEST(Settings, bytes_from_outside_are_escaped_and_cut) {
  EXPECT_THAT(problems_of(R"({"a\nb": 1})"), ElementsAre("settings.a\\nb: unknown key"));
  const std::string json = R"({"drain_idle": ")" + std::string(1000, 'x') + "\"}";
  EXPECT_THAT(problems_of(json.c_str()), ElementsAre("settings.drain_idle: \"" + std::string(80, 'x') +
                                                     "…(+920 bytes)\": must be \"close\" or \"keep\""));
}

TEST(Settings, what_is_no_object_is_one_problem) {
  for (const char* const json : {"{", "[1]", "\"text\"", "null", "{\"a\": 1e999}", "{} {}", "{\"\xFF\": 1}"}) {
    const std::vector<std::string> problems = problems_of(json);
    ASSERT_EQ(problems.size(), 1U) << json;
    EXPECT_TRUE(problems.front().starts_with("PREFORK_SETTINGS: ")) << problems.front();
  }
}

TEST(Settings, deep_nesting_does_no_harm) {
  const std::string json = "{\"x\": " + std::string(30'000, '[') + std::string(30'000, ']') + "}";
  Settings settings(json);
  EXPECT_FALSE(settings.boolean("x", false));
  EXPECT_THAT(settings.problems(), ElementsAre("settings.x: […]: must be true or false"));
}

TEST(Settings, a_named_service_has_limits_of_its_own) {
  Settings settings(
      R"({"max_connections": 7, "admin": {"max_connections": 4, "idle_timeout": "1min", "max_output": "off"},
                        "max_message": "1K"})");
  LimitValues programs;
  programs.max_message = 100;
  const LimitValues admin = settings.service_limits("admin", programs);
  EXPECT_EQ(admin.max_connections, 4U);
  EXPECT_EQ(admin.idle_timeout, 1min);
  EXPECT_EQ(admin.max_output, 0U);
  EXPECT_EQ(admin.max_message, 100U) << "that of the program, not of the other sockets";
  EXPECT_EQ(settings.limits(LimitValues()).max_connections, 7U);
  EXPECT_THAT(settings.problems(), IsEmpty());
}

TEST(Settings, problems_in_a_services_limits_have_their_path) {
  Settings settings(R"({"admin": {"max_conections": 4, "max_message": 64, "zebra": {}, "drain_idle": "keep"},
                        "other": {"drain_timeout": "1s"}, "third": 5, "fourht": {}})");
  LimitValues programs;
  programs.output_high_mark = 0;
  static_cast<void>(settings.service_limits("admin", programs));
  static_cast<void>(settings.service_limits("other", {}));
  static_cast<void>(settings.service_limits("third", {}));
  static_cast<void>(settings.service_limits("fourth", {}));
  EXPECT_THAT(settings.problems(),
              UnorderedElementsAre("settings.admin.max_conections: unknown key; did you mean \"max_connections\"?",
                                   "settings.admin.max_message: 64: has no unit; write \"64B\", \"64K\", …",
                                   "settings.admin.zebra: unknown key",
                                   "settings.admin.drain_idle: is a limit of the worker; set settings.drain_idle",
                                   "Service::limits() of \"admin\": output_high_mark: 0: must be from 1B to 1G",
                                   "settings.other.drain_timeout: is a limit of the worker; set settings.drain_timeout",
                                   "settings.third: 5: must be an object: limits of this service",
                                   "settings.fourht: unknown key; did you mean \"fourth\"?"));
}

TEST(Settings, a_problem_of_a_service_that_is_asked_for_twice_is_reported_once) {
  Settings settings(R"({"admin": {"zebra": 4}})");
  static_cast<void>(settings.service_limits("admin", {}));
  static_cast<void>(settings.service_limits("admin", {}));
  EXPECT_THAT(settings.problems(), ElementsAre("settings.admin.zebra: unknown key"));
}

TEST(Settings, a_service_with_the_name_of_a_limit_leaves_the_limit_alone) {
  Settings settings(R"({"max_message": "1K"})");
  EXPECT_EQ(settings.service_limits("max_message", {}).max_message, LimitValues().max_message);
  EXPECT_EQ(settings.limits({}).max_message, 1024U);
  EXPECT_THAT(settings.problems(), IsEmpty());
}

TEST(Settings, limits_of_the_worker_in_a_services_program_are_not_looked_at) {
  Settings settings;
  LimitValues programs;
  programs.drain_timeout = -1ms;
  static_cast<void>(settings.service_limits("admin", programs));
  EXPECT_THAT(settings.problems(), IsEmpty());
}

TEST(Settings, can_be_moved) {
  Settings settings;
  settings = Settings(R"({"depth": 3})");
  EXPECT_EQ(settings.integer("depth", 0), 3);
}

}  // namespace
