// SPDX-License-Identifier: MIT
#include "base/refused_option.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace preforkd {
namespace {

constexpr option known[] = {{"json", required_argument, nullptr, 256},
                            {"no-legend", no_argument, nullptr, 257},
                            {"no-pager", no_argument, nullptr, 258},
                            {"quiet", no_argument, nullptr, 'q'},
                            {"all", no_argument, nullptr, 'a'},
                            {"all-pools", no_argument, nullptr, 259},
                            {nullptr, 0, nullptr, 0}};

// The message about the first argument that getopt_long() rejects; empty if it accepts all.
std::string refused(std::vector<std::string> arguments) {
  std::vector<char*> words;
  arguments.insert(arguments.begin(), "program");
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  opterr = 0;
  optind = 0;
  for (;;) {
    const int at = optind > 0 ? optind : 1;
    const int code = getopt_long(static_cast<int>(arguments.size()), words.data(), "+:qa", known, nullptr);
    if (code == -1) return "";
    if (code == '?') return refused_option(arguments[static_cast<std::size_t>(at)], optopt, known);
  }
}

TEST(RefusedOptionTest, a_typo_gets_the_nearest_name) {
  EXPECT_EQ(refused({"--jsn=short"}), "--jsn: unknown option; did you mean --json?");
  EXPECT_EQ(refused({"--nothing-like-it"}), "--nothing-like-it: unknown option");
  EXPECT_EQ(refused({"--\x1b[2J"}), "--\\x1b[2J: unknown option");
}

TEST(RefusedOptionTest, a_beginning_of_several_names_is_no_option) {
  EXPECT_EQ(refused({"--no"}), "--no: is ambiguous");
}

TEST(RefusedOptionTest, an_option_without_a_value_takes_none) {
  EXPECT_EQ(refused({"--no-legend=1"}), "--no-legend: takes no value");
  EXPECT_EQ(refused({"--quiet=1"}), "--quiet: takes no value");
  EXPECT_EQ(refused({"--qui=1"}), "--qui: takes no value");
  EXPECT_EQ(refused({"--all=1"}), "--all: takes no value");
}

TEST(RefusedOptionTest, of_several_letters_the_wrong_one_is_named) {
  EXPECT_EQ(refused({"-z"}), "-z: unknown option");
  EXPECT_EQ(refused({"-qz"}), "-z: unknown option");
}

}  // namespace
}  // namespace preforkd
