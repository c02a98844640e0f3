// SPDX-License-Identifier: MIT
#include "ctl/command/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "ctl/command/option_table.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/output/printable.hpp"

#include "base/errors.hpp"

namespace preforkd::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Options parse(std::vector<const char*> words) {
  words.insert(words.begin(), "preforkctl");
  words.push_back(nullptr);
  return parse_options(static_cast<int>(words.size()) - 1, words.data());
}

std::string refusal(const std::vector<const char*>& words) {
  try {
    (void)parse(words);
  } catch (const ExitError& error) {
    EXPECT_EQ(error.exit_code(), 64);
    return error.what();
  }
  return "accepted";
}

TEST(Options, without_a_verb_the_pools_are_listed) {
  EXPECT_EQ(parse({}).verb->name, "list");
  EXPECT_EQ(parse({"--user"}).verb->name, "list");
}

TEST(Options, stand_before_and_after_the_verb_and_its_arguments) {
  const Options options = parse({"-q", "kill", "--signal=HUP", "echo", "--user", "3", "--no-legend"});
  EXPECT_EQ(options.verb->name, "kill");
  EXPECT_THAT(options.arguments, ElementsAre("echo", "3"));
  EXPECT_TRUE(options.quiet);
  EXPECT_TRUE(options.bus.user);
  EXPECT_FALSE(options.legend);
  EXPECT_EQ(options.signal, SIGHUP);
}

TEST(Options, what_comes_after_two_dashes_is_an_argument) {
  EXPECT_THAT(parse({"check", "--", "--odd.json"}).arguments, ElementsAre("--odd.json"));
}

TEST(Options, what_comes_after_two_dashes_is_passed_on_to_journalctl) {
  const Options options = parse({"logs", "-f", "echo", "-n", "5", "1", "--", "--since=today", "-x"});
  EXPECT_THAT(options.arguments, ElementsAre("echo", "1"));
  EXPECT_THAT(options.passed_on, ElementsAre("--since=today", "-x"));
  EXPECT_TRUE(options.follow);
  EXPECT_EQ(options.lines, "5");
  EXPECT_THAT(refusal({"logs", "echo", "-n", "many"}), HasSubstr("must be a number or \"all\""));
}

TEST(Options, have_short_names_as_those_of_systemctl) {
  EXPECT_EQ(parse({"-H", "root@web", "list"}).bus, (BusTarget{BusTarget::Kind::host, false, "root@web"}));
  EXPECT_EQ(parse({"-M", "web", "--user"}).bus, (BusTarget{BusTarget::Kind::machine, true, "web"}));
  EXPECT_TRUE(parse({"-l"}).full);
  EXPECT_EQ(parse({"kill", "echo", "1", "-s", "15"}).signal, SIGTERM);
}

TEST(Options, properties_add_up) {
  const Options options = parse({"show", "echo", "-p", "State,MainPID", "--property=,Version"});
  EXPECT_THAT(options.properties, ElementsAre("State", "MainPID", "Version"));
  EXPECT_THAT(refusal({"show", "echo", "--property=,"}), HasSubstr("--property: \",\": names no property"));
  EXPECT_THAT(refusal({"list", "--value"}), HasSubstr("--value: only with \"show\""));
}

TEST(Options, json_has_three_modes) {
  EXPECT_EQ(parse({"--json=short"}).json, JsonMode::compact);
  EXPECT_EQ(parse({"--json", "pretty"}).json, JsonMode::pretty);
  EXPECT_EQ(parse({"--json=off"}).json, JsonMode::off);
  EXPECT_THAT(refusal({"--json=xml"}), HasSubstr("--json: \"xml\": must be short, pretty or off"));
}

TEST(Options, metrics_have_two_formats) {
  EXPECT_EQ(parse({"metrics"}).format, MetricsFormat::open_metrics);
  EXPECT_EQ(parse({"metrics", "--format=prometheus"}).format, MetricsFormat::prometheus);
  EXPECT_THAT(refusal({"metrics", "--format=text"}), HasSubstr("must be openmetrics or prometheus"));
}

TEST(Options, help_and_version_need_no_verb_and_win) {
  EXPECT_TRUE(parse({"--help"}).help);
  EXPECT_TRUE(parse({"no-such-verb", "-h"}).help);
  EXPECT_TRUE(parse({"--version"}).version);
}

TEST(Options, a_typo_names_the_nearest) {
  EXPECT_THAT(refusal({"--jsn=short"}), HasSubstr("--jsn: unknown option; did you mean --json?"));
  EXPECT_THAT(refusal({"relaod", "echo"}), HasSubstr("\"relaod\": unknown verb; did you mean reload?"));
  EXPECT_THAT(refusal({"--no"}), HasSubstr("is ambiguous"));
  EXPECT_THAT(refusal({"-z"}), HasSubstr("-z: unknown option"));
  EXPECT_THAT(refusal({"kill", "echo", "1", "--signal=HPU"}), HasSubstr("did you mean \"SIGHUP\"?"));
}

TEST(Options, with_no_value_or_one_too_many_are_refused) {
  EXPECT_THAT(refusal({"--address"}), HasSubstr("--address: needs a value"));
  EXPECT_THAT(refusal({"-H"}), HasSubstr("--host: needs a value"));
  EXPECT_THAT(refusal({"--user=me"}), HasSubstr("--user: takes no value"));
  EXPECT_THAT(refusal({"--quiet=1"}), HasSubstr("--quiet: takes no value"));
  EXPECT_THAT(refusal({"--address="}), HasSubstr("is empty"));
}

TEST(Options, that_contradict_each_other_are_refused) {
  EXPECT_THAT(refusal({"--user", "--system"}), HasSubstr("contradicts"));
  EXPECT_THAT(refusal({"-H", "a", "-M", "b"}), HasSubstr("already"));
  EXPECT_THAT(refusal({"-H", "a", "--user"}), HasSubstr("system bus"));
  EXPECT_THAT(refusal({"--address=unix:path=/x", "--user"}), HasSubstr("contradicts"));
}

TEST(Options, of_one_verb_are_refused_with_another) {
  EXPECT_THAT(refusal({"list", "--all"}), HasSubstr("--all: only with \"recycle\""));
  EXPECT_THAT(refusal({"reload", "echo", "--signal=HUP"}), HasSubstr("only with \"kill\""));
}

TEST(Options, of_a_rollout_are_hosts_times_and_numbers) {
  const Options options = parse({"rollout", "web", "--hosts", "h1,h2,h3", "--parallel=2", "--soak=1min", "--upgrade"});
  EXPECT_THAT(options.hosts, ElementsAre("h1", "h2", "h3"));
  EXPECT_EQ(options.rollout.parallel, 2U);
  EXPECT_EQ(options.rollout.soak, std::chrono::minutes(1));
  EXPECT_TRUE(options.rollout.upgrade);
  EXPECT_TRUE(parse({"rollout", "web", "--upgrade-command=x"}).rollout.upgrade);
  EXPECT_THAT(refusal({"rollout", "web", "--hosts=-oProxyCommand=x"}), HasSubstr("is not [USER@]HOST[:PORT]"));
  EXPECT_THAT(refusal({"rollout", "web", "--parallel=0"}), HasSubstr("must be a number from 1 on"));
  EXPECT_THAT(refusal({"rollout", "web", "--soak=10"}), HasSubstr("--soak: \"10\": 10 has no unit"));
  EXPECT_THAT(refusal({"reload", "web", "--hosts=h1"}), HasSubstr("--hosts: only with \"rollout\""));
}

TEST(Options, too_few_and_too_many_arguments_show_the_usage) {
  EXPECT_THAT(refusal({"scale", "echo"}), HasSubstr("it is \"preforkctl scale POOL N|auto\""));
  EXPECT_THAT(refusal({"list", "echo"}), HasSubstr("\"echo\": too many arguments"));
}

TEST(OptionTable, every_name_and_letter_is_there_once) {
  std::vector<std::string> names;
  for (const OptionRow& row : option_rows()) names.emplace_back(row.name);
  std::vector<std::string> unique = names;
  std::sort(unique.begin(), unique.end());
  EXPECT_EQ(std::unique(unique.begin(), unique.end()), unique.end());
  for (const OptionRow& row : option_rows()) {
    if (row.verb.empty()) continue;
    EXPECT_TRUE(std::any_of(verbs().begin(), verbs().end(), [&](const Verb& verb) { return verb.name == row.verb; }));
  }
}

TEST(Help, has_every_verb_and_every_option) {
  const std::string help = help_text();
  for (const Verb& verb : verbs()) EXPECT_THAT(help, HasSubstr("\n  " + std::string(verb.name)));
  for (const OptionRow& row : option_rows()) EXPECT_THAT(help, HasSubstr(std::string("--") + row.name));
}

TEST(Help, fits_a_terminal) {
  std::istringstream lines(help_text());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 110U) << line;
}

TEST(Arguments, a_pools_name_may_be_that_of_its_unit) {
  EXPECT_EQ(pool_argument("echo_2"), "echo_2");
  EXPECT_EQ(pool_argument("preforkd@echo.service"), "echo");
  EXPECT_EQ(pool_argument("preforkd@echo.socket"), "echo");
  EXPECT_EQ(pool_argument("preforkd@echo"), "echo");
  EXPECT_EQ(pool_argument("preforkd@my-app.service"), "my-app");
}

TEST(Arguments, what_is_no_pools_name_never_reaches_the_bus) {
  for (const std::string& text : {std::string(), std::string("2echo"), std::string("-a"), std::string("a.b"),
                                  std::string("a b"), std::string("\xc3\xbc"), std::string(64, 'a')}) {
    EXPECT_THROW((void)pool_argument(text), ExitError) << text;
  }
  EXPECT_EQ(pool_argument(std::string(63, 'a')).size(), 63U);
}

TEST(Arguments, slots_and_numbers_of_workers_are_whole_numbers) {
  EXPECT_EQ(slot_argument("0"), 0U);
  EXPECT_EQ(workers_argument("16"), 16U);
  for (const char* const text : {"", "-1", "+1", "1x", "1.5", "99999999999", " 1"}) {
    EXPECT_THROW((void)slot_argument(text), ExitError) << text;
    EXPECT_THROW((void)workers_argument(text), ExitError) << text;
  }
}

}  // namespace
}  // namespace preforkd::ctl
