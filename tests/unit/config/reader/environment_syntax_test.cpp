// SPDX-License-Identifier: MIT
#include "config/reader/environment_syntax.hpp"

#include <gtest/gtest.h>

#include <string>

namespace preforkd {
namespace {

using namespace std::string_literals;

// "NAME=[value] …", or the reason why there is none.
std::string parsed(std::string_view text) {
  const auto variables = parse_environment_file(text);
  if (!variables) return variables.error().text;
  std::string shown;
  for (const auto& [name, value] : *variables) shown += (shown.empty() ? "" : " ") + name + "=[" + value + ']';
  return shown;
}

TEST(EnvironmentSyntax, reads_assignments) {
  EXPECT_EQ(parsed(""), "");
  EXPECT_EQ(parsed("A=1\nB_2=two words\n_c="), "A=[1] B_2=[two words] _c=[]");
  EXPECT_EQ(parsed("A=1\nA=2"), "A=[1] A=[2]");
  EXPECT_EQ(parsed("A=b=c"), "A=[b=c]");
}

TEST(EnvironmentSyntax, drops_blanks_around_names_and_values_but_keeps_those_inside) {
  EXPECT_EQ(parsed("  \tA = b  c \t\r\nB=\r\n"), "A=[b  c] B=[]");
}

TEST(EnvironmentSyntax, ignores_comments_and_lines_without_an_assignment) {
  EXPECT_EQ(parsed("# A=1\n  ; B=2 \\\nC=3\nno assignment\n\nD=4 # not a comment"), "C=[3] D=[4 # not a comment]");
}

TEST(EnvironmentSyntax, unquoted_backslashes_keep_the_next_character_or_join_lines) {
  EXPECT_EQ(parsed("A=a\\\\b\\\"c\\ \\n\nB=one \\\n  two\nC=x\\"), "A=[a\\b\"c n] B=[one   two] C=[x]");
  EXPECT_EQ(parsed("A=x\\ \n"), "A=[x ]");
}

TEST(EnvironmentSyntax, single_quotes_keep_everything) {
  EXPECT_EQ(parsed("A='a\\n\"$x\"\n# b' \nB=2"), "A=[a\\n\"$x\"\n# b] B=[2]");
}

TEST(EnvironmentSyntax, double_quotes_know_the_escapes_of_a_shell) {
  EXPECT_EQ(parsed("A=\"a\\\"b\\\\c\\`d\\$e\\f \\\ng\nh\"\n"), "A=[a\"b\\c`d$e\\f g\nh]");
}

TEST(EnvironmentSyntax, quoted_parts_join_and_a_quote_inside_a_value_is_text) {
  EXPECT_EQ(parsed("A=\"a\" 'b'\nB=it's\nC=\"x\"y z"), "A=[ab] B=[it's] C=[xy z]");
}

TEST(EnvironmentSyntax, an_empty_value_ends_at_its_line) {
  EXPECT_EQ(parsed("A=\nB='x'\nC=\"\"\n'D'"), "A=[] B=[x] C=[]");
}

TEST(EnvironmentSyntax, refuses_what_would_be_lost) {
  EXPECT_EQ(parsed("A=1\n\n9B=2"), "line 3: \"9B\" is not a valid name of an environment variable");
  EXPECT_EQ(parsed("A=1\nexport B=2"), "line 2: leave out \"export\"; this is not a shell script");
  EXPECT_EQ(parsed("=1"), "line 1: \"\" is not a valid name of an environment variable");
  EXPECT_EQ(parsed("A='\n\n'\nB=\"x\ny\n"), "line 4: the quote is never closed");
  EXPECT_EQ(parsed("A=1\nB='x"), "line 2: the quote is never closed");
  EXPECT_EQ(parsed("A=1\nB=x\0y"s), "line 2: the value contains a NUL byte");
  EXPECT_EQ(parsed("\xEF\xBB\xBF"
                   "A=1"),
            "line 1: begins with a byte order mark; save the file without it");
}

}  // namespace
}  // namespace preforkd
