// SPDX-License-Identifier: MIT
#include "echo/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace preforkd::echo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Options parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "prefork-echo");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(arguments.size()), argv.data());
}

std::string error_of(std::vector<std::string> arguments) {
  try {
    (void)parse(std::move(arguments));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(EchoOptionsTest, need_nothing_in_a_pool) {
  EXPECT_THAT(parse({}).listen, IsEmpty());
  EXPECT_FALSE(parse({}).print);
}

TEST(EchoOptionsTest, take_several_addresses) {
  EXPECT_THAT(parse({"--listen", "127.0.0.1:1", "--listen=@echo"}).listen, ElementsAre("127.0.0.1:1", "@echo"));
}

TEST(EchoOptionsTest, print_help_and_version_instead_of_serving) {
  EXPECT_THAT(parse({"--help"}).print.value(), HasSubstr("--listen ADDRESS"));
  EXPECT_THAT(parse({"--version"}).print.value(), HasSubstr("prefork-echo 0."));
}

TEST(EchoOptionsTest, name_what_they_do_not_understand) {
  EXPECT_EQ(error_of({"--lisen", "x"}), "--lisen: no such option");
  EXPECT_EQ(error_of({"-x"}), "-x: no such option");
  EXPECT_EQ(error_of({"--help=x"}), "--help=x: takes no value");
  EXPECT_EQ(error_of({"--listen"}), "--listen: needs an address");
  EXPECT_EQ(error_of({"9505"}), "9505: no arguments are taken");
}

}  // namespace
}  // namespace preforkd::echo
