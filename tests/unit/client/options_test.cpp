// SPDX-License-Identifier: MIT
#include "client/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Command parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "prefork-client");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(arguments.size()), argv.data());
}

BenchOptions parse_bench(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--bench");
  return std::get<BenchCommand>(parse(std::move(arguments))).options;
}

std::string error_of(std::vector<std::string> arguments) {
  try {
    (void)parse(std::move(arguments));
  } catch (const ExitError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ClientOptionsTest, copy_standard_input_to_the_echo_service_by_default) {
  const auto options = std::get<InteractiveOptions>(parse({}));
  EXPECT_EQ(options.address, "127.0.0.1:9505");
  EXPECT_EQ(options.connect_timeout, 500ms);
}

TEST(ClientOptionsTest, send_one_message) {
  const auto options =
      std::get<OneShotOptions>(parse({"[::1]:80", "hello world", "--timeout", "2s", "--reply-timeout=1min"}));
  EXPECT_EQ(options.address, "[::1]:80");
  EXPECT_EQ(options.message, "hello world");
  EXPECT_EQ(options.connect_timeout, 2s);
  EXPECT_EQ(options.reply_timeout, 1min);
}

TEST(ClientOptionsTest, send_a_message_that_looks_like_an_option_after_two_dashes) {
  EXPECT_EQ(std::get<OneShotOptions>(parse({"127.0.0.1:1", "--", "--help"})).message, "--help");
}

TEST(ClientOptionsTest, measure_for_five_seconds_unless_told_otherwise) {
  EXPECT_EQ(parse_bench({}).duration, 5s);
  EXPECT_EQ(parse_bench({"--seconds", "0.5"}).duration, 500ms);
  EXPECT_EQ(parse_bench({"--seconds", "2min"}).duration, 2min);
  EXPECT_EQ(parse_bench({"--requests", "10"}).duration, std::nullopt);
  EXPECT_EQ(parse_bench({"--open", "10"}).duration, std::nullopt);
}

TEST(ClientOptionsTest, take_everything_that_a_benchmark_needs) {
  const BenchOptions bench = parse_bench({"--connections", "8", "--depth", "16", "--size", "1000", "--requests", "7",
                                          "--rate", "100", "--cpu-of", "1,23", "--failures", "3", "@echo"});
  EXPECT_EQ(bench.address, "@echo");
  EXPECT_EQ(bench.mode, BenchOptions::Mode::steady);
  EXPECT_EQ(bench.connections, 8u);
  EXPECT_EQ(bench.depth, 16u);
  EXPECT_EQ(bench.size, 1000u);
  EXPECT_EQ(bench.requests, 7u);
  EXPECT_EQ(bench.rate, 100);
  EXPECT_THAT(bench.cpu_of, ElementsAre(1, 23));
  EXPECT_EQ(bench.failures_kept, 3u);
  EXPECT_EQ(parse_bench({"--size", "1.5M"}).size, 1572864u);
  EXPECT_EQ(parse_bench({"--churn"}).mode, BenchOptions::Mode::churn);
  EXPECT_EQ(parse_bench({"--open", "5"}).connections, 5u);
  EXPECT_TRUE(std::get<BenchCommand>(parse({"--bench", "--json"})).json);
}

TEST(ClientOptionsTest, print_help_and_version_instead_of_connecting) {
  EXPECT_THAT(std::get<PrintCommand>(parse({"--help"})).text, HasSubstr("Exit status"));
  EXPECT_THAT(std::get<PrintCommand>(parse({"--version"})).text, HasSubstr("prefork-client 0."));
}

TEST(ClientOptionsTest, help_names_every_option) {
  const std::string text = std::get<PrintCommand>(parse({"--help"})).text;
  for (const char* name :
       {"--timeout", "--reply-timeout", "--version", "--bench", "--connections", "--depth", "--size", "--seconds",
        "--requests", "--rate", "--churn", "--open", "--cpu-of", "--failures", "--json"}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
}

TEST(ClientOptionsTest, name_what_they_do_not_understand) {
  EXPECT_EQ(error_of({"--tiemout", "1s"}), "--tiemout: unknown option; did you mean --timeout?");
  EXPECT_EQ(error_of({"127.0.0.1:1", "--colour"}), "--colour: unknown option");
  EXPECT_EQ(error_of({"--re", "1"}), "--re: is ambiguous");
  EXPECT_EQ(error_of({"-x"}), "-x: unknown option");
  EXPECT_EQ(error_of({"--json", "-xy"}), "-x: unknown option");
  EXPECT_EQ(error_of({"--json=yes"}), "--json: takes no value");
  EXPECT_EQ(error_of({"--timeout"}), "--timeout: needs a value");
  EXPECT_EQ(error_of({"--timeout", "5"}), "--timeout: \"5\": 5 has no unit; write 5s, 5ms, …");
  EXPECT_EQ(error_of({"--timeout", "5y"}),
            "--timeout: \"5y\": y is not a unit of time; the units are us, ms, s, min, h, d, w");
  EXPECT_EQ(error_of({"--bench", "--depth", "0"}), "--depth: \"0\": must be a whole number from 1 to 65536");
  EXPECT_EQ(error_of({"--bench", "--size", "64KB"}),
            "--size: \"64KB\": KB is not a unit of size; the units are B, K, M, G, T");
}

TEST(ClientOptionsTest, refuse_values_that_would_be_guesses) {
  for (const char* span : {"", "5", "s", "-1s", "-0s", "nan", "infs", "1e3s"}) {
    EXPECT_NE(error_of({"--timeout", span}), "no error") << span;
  }
  for (const char* size : {"", "K", "64k", "64KB", "-1", "1.5"}) {
    EXPECT_NE(error_of({"--bench", "--size", size}), "no error") << size;
  }
  for (const char* number : {"", "1.0", "+1", "-1", "1x", "99999999999999999999999"}) {
    EXPECT_NE(error_of({"--bench", "--requests", number}), "no error") << number;
  }
}

TEST(ClientOptionsTest, keep_values_within_their_range) {
  EXPECT_EQ(std::get<InteractiveOptions>(parse({"--timeout", "262800h"})).connect_timeout, 262800h);
  EXPECT_EQ(error_of({"--timeout", "2000w"}), "--timeout: \"2000w\": must not be longer than 30 years");
  EXPECT_EQ(error_of({"--bench", "--seconds", "2000000000"}),
            "--seconds: \"2000000000\": must not be longer than 30 years");
  EXPECT_EQ(parse_bench({"--size", "1G"}).size, 1073741824U);
  for (const char* size : {"0", "0K", "1025M", "2G"}) {
    EXPECT_EQ(error_of({"--bench", "--size", size}),
              "--size: \"" + std::string(size) + "\": must be from 1 byte to 1G");
  }
  EXPECT_EQ(parse_bench({"--depth", "65536"}).depth, 65536U);
  EXPECT_EQ(error_of({"--bench", "--depth", "65537"}), "--depth: \"65537\": must be a whole number from 1 to 65536");
}

TEST(ClientOptionsTest, refuse_what_does_not_go_together) {
  EXPECT_EQ(error_of({"--depth", "2"}), "--depth: only with --bench");
  EXPECT_EQ(error_of({"--json", "127.0.0.1:1", "x"}), "--json: only with --bench");
  EXPECT_EQ(error_of({"--bench", "127.0.0.1:1", "x"}), "--bench takes no message");
  EXPECT_EQ(error_of({"127.0.0.1:1", "two", "words"}), "more than one message: quote it if it has spaces");
  EXPECT_EQ(error_of({"127.0.0.1:1", "two\nlines"}), "a message is one line: send several through standard input");
  EXPECT_EQ(error_of({"--bench", "--churn", "--depth", "2"}), "--depth: only without --churn and --open");
  EXPECT_EQ(error_of({"--bench", "--open", "2", "--rate", "2"}), "--open: can't be combined with --requests or --rate");
}

}  // namespace
}  // namespace preforkd::client
