// SPDX-License-Identifier: MIT
#include "master/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/errors.hpp"

namespace preforkd {
namespace {

using ::testing::HasSubstr;

Options parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "preforkd");
  const int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  return parse_options(count, arguments.data());
}

std::string refusal(const std::vector<const char*>& arguments) {
  try {
    (void)parse(arguments);
  } catch (const ExitError& error) {
    EXPECT_EQ(error.exit_code(), exit_code::usage);
    const std::string text = error.what();
    constexpr std::string_view hint = " (see --help)";
    EXPECT_TRUE(text.ends_with(hint)) << text;
    return text.substr(0, text.size() - hint.size());
  }
  return "accepted";
}

// The value that the command line gives a key, or null.
nlohmann::json value_of(const Options& options, std::string_view key) {
  for (const ConfigOverride& each : options.source.overrides) {
    if (each.key == key) return each.value;
  }
  return nullptr;
}

TEST(Options, a_pool_from_the_command_line) {
  const Options options = parse({"--listen", "127.0.0.1:0", "--listen=@x", "--workers", "3", "--name", "echo",
                                 "--ready", "exec", "--", "sh", "-c", "--listen"});
  EXPECT_EQ(options.action, Options::Action::run);
  EXPECT_EQ(options.source.name, "echo");
  EXPECT_EQ(options.source.file, "");
  EXPECT_EQ(value_of(options, "listen"), nlohmann::json({"127.0.0.1:0", "@x"}));
  EXPECT_EQ(value_of(options, "workers"), 3);
  EXPECT_EQ(value_of(options, "ready"), "exec");
  EXPECT_EQ(value_of(options, "program"), nlohmann::json({"sh", "-c", "--listen"}));
  EXPECT_EQ(value_of(options, "directory"), std::filesystem::current_path().string());
}

TEST(Options, a_file_with_or_without_overrides) {
  const Options options = parse({"--check", "--config", "a.json", "--log-level", "debug"});
  EXPECT_EQ(options.action, Options::Action::check);
  EXPECT_EQ(options.source.file, (std::filesystem::current_path() / "a.json").string()) << "a reload reads it again";
  EXPECT_TRUE(options.source.overrides.empty());
  EXPECT_EQ(options.log_level, log::Level::debug);
  EXPECT_EQ(value_of(parse({"--config=a.json", "--", "/bin/true"}), "program"), nlohmann::json({"/bin/true"}));
}

TEST(Options, workers_are_a_number_a_word_or_a_range) {
  const auto workers = [](const char* text) { return value_of(parse({"--config=a", "--workers", text}), "workers"); };
  EXPECT_EQ(workers("12"), 12);
  EXPECT_EQ(workers("auto"), "auto");
  EXPECT_EQ(workers("2-16"), nlohmann::json({{"min", 2}, {"max", 16}}));
  EXPECT_EQ(workers("-3"), -3);
  for (const char* const text : {"many", "", "2-", "-", "1-2-3", "99999999999999999999", "2-99999999999999999999"}) {
    EXPECT_EQ(workers(text), text);
  }
}

TEST(Options, set_takes_json_or_plain_text) {
  const Options options = parse({"--config=a", "--set", "drain_timeout=5s", "--set=workers={\"min\":1,\"max\":2}",
                                 "--set", "reload.max_surge=2", "--set", "environment.PORT=80", "--set",
                                 "settings.motd=a=b", "--set", "description="});
  EXPECT_EQ(value_of(options, "drain_timeout"), "5s");
  EXPECT_EQ(value_of(options, "workers"), nlohmann::json({{"min", 1}, {"max", 2}}));
  EXPECT_EQ(value_of(options, "reload.max_surge"), 2);
  EXPECT_EQ(value_of(options, "environment.PORT"), "80");
  EXPECT_EQ(value_of(options, "settings.motd"), "a=b");
  EXPECT_EQ(value_of(options, "description"), "");
}

TEST(Options, a_program_by_relative_path_is_found_after_a_change_of_directory) {
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(value_of(parse({"--", "./server", "./x"}), "program"), nlohmann::json({here + "/server", "./x"}));
  EXPECT_EQ(value_of(parse({"--", ".//./bin/x"}), "program"), nlohmann::json({here + "/bin/x"}));
  EXPECT_EQ(value_of(parse({"--", "../x"}), "program"), nlohmann::json({here + "/../x"}));
  EXPECT_EQ(value_of(parse({"--", "server"}), "program"), nlohmann::json({"server"}));
}

TEST(Options, help_and_version_win_over_the_rest) {
  EXPECT_EQ(parse({"--help"}).action, Options::Action::help);
  EXPECT_EQ(parse({"-h", "--nonsense"}).action, Options::Action::help);
  EXPECT_EQ(parse({"--version"}).action, Options::Action::version);
  EXPECT_THAT(help_text(), HasSubstr("--config FILE"));
  EXPECT_THAT(version_text(), ::testing::MatchesRegex("preforkd [0-9.]+\n"));
}

TEST(Options, each_mistake_is_named) {
  constexpr const char* level = "must be error, warning, notice, info or debug";
  const struct {
    std::vector<const char*> arguments;
    std::string refusal;
  } cases[] = {
      {{}, "nothing to run: give -- PROGRAM [ARGUMENT…], --config FILE, or the --name of a configured pool"},
      {{"--workers", "3"},
       "nothing to run: give -- PROGRAM [ARGUMENT…], --config FILE, or the --name of a configured pool"},
      {{"--config=a", "--"}, "accepted"},
      {{"--wrokers", "3"}, "--wrokers: unknown option; did you mean --workers?"},
      {{"--wrokers=3"}, "--wrokers: unknown option; did you mean --workers?"},
      {{"--nonsense"}, "--nonsense: unknown option"},
      {{"--\x1B[1m"}, "--\\x1b[1m: unknown option"},
      {{"-x"}, "-x: unknown option"},
      {{"--l", "x"}, "--l: is ambiguous"},
      {{"--check=yes"}, "--check: takes no value"},
      {{"--help=x"}, "--help: takes no value"},
      {{"--workers"}, "--workers: needs a value"},
      {{"--config"}, "--config: needs a value"},
      {{"--config="}, "--config: \"\": is empty"},
      {{"--config=a", "--config=b"}, "--config: \"b\": given twice"},
      {{"--name=a", "--name=b", "--", "x"}, "--name: \"b\": given twice"},
      {{"--workers=1", "--workers=2", "--", "x"}, "--workers: given twice"},
      {{"--workers=1", "--set=workers=2", "--", "x"}, "--set workers: --workers sets the same"},
      {{"--set=ready=exec", "--set=ready=exec", "--", "x"}, "--set ready: given twice"},
      {{"--log-level=loud", "--", "x"}, std::string("--log-level: \"loud\": ") + level},
      {{"--log-target=kmsg", "--", "x"},
       "--log-target: \"kmsg\": must be auto, journal, console, console-prefixed or null"},
      {{"--set=x", "--", "x"}, "--set: \"x\": must be KEY=VALUE"},
      {{"--set", "=5", "--", "x"}, "--set: \"=5\": must begin with a key of the config, for instance drain_timeout=5s"},
      {{"--set", "a..b=5", "--", "x"},
       "--set: \"a..b=5\": must begin with a key of the config, for instance drain_timeout=5s"},
      {{"--set", "reload={\"soak\": }", "--", "x"},
       "--set reload: \"{\"soak\": }\": column 10: a value is missing here"},
      {{"echo.json"}, "\"echo.json\": a program to run comes after --, a config file after --config"},
      {{"--config=a", "x", "--", "y"}, "\"x\": a program to run comes after --, a config file after --config"},
  };
  for (const auto& each : cases) EXPECT_EQ(refusal(each.arguments), each.refusal);
}

}  // namespace
}  // namespace preforkd
