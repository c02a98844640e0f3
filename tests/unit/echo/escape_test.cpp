// SPDX-License-Identifier: MIT
#include "echo/escape.hpp"

#include <gtest/gtest.h>

#include <string>

namespace preforkd::echo {
namespace {

TEST(EscapeTest, keeps_printable_ascii) { EXPECT_EQ(escape("Hello, world ~!"), "Hello, world ~!"); }

TEST(EscapeTest, leaves_no_byte_that_a_terminal_or_a_log_would_act_on) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const char byte : escape(all)) {
    EXPECT_GE(byte, ' ');
    EXPECT_LE(byte, '~');
  }
}

TEST(EscapeTest, shows_control_bytes_in_a_readable_form) {
  EXPECT_EQ(escape(std::string_view("a\nb\tc\0d\x1b[2J\xff", 12)), "a\\nb\\tc\\x00d\\x1b[2J\\xff");
}

TEST(EscapeTest, escapes_what_it_escapes_with_so_that_two_inputs_never_look_alike) {
  EXPECT_EQ(escape("\\n"), "\\\\n");
  EXPECT_EQ(escape("\""), "\\\"");
}

TEST(EscapeTest, cuts_long_input_and_says_how_much_is_missing) {
  EXPECT_EQ(escape("abcdef", 4), "abcd…(+2 bytes)");
  EXPECT_EQ(escape("abcd", 4), "abcd");
}

}  // namespace
}  // namespace preforkd::echo
