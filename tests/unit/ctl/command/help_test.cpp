// SPDX-License-Identifier: MIT
#include "ctl/command/help.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "ctl/command/option_table.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

TEST(Help, has_every_verb_and_every_option) {
  const std::string help = help_text();
  for (const Verb& verb : verbs()) EXPECT_THAT(help, testing::HasSubstr("\n  " + std::string(verb.name)));
  for (const OptionRow& row : option_rows()) EXPECT_THAT(help, testing::HasSubstr(std::string("--") + row.name));
}

TEST(Help, fits_a_terminal) {
  std::istringstream lines(help_text());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 110U) << line;
}

}  // namespace
}  // namespace preforkd::ctl
