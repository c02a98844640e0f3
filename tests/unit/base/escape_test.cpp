// SPDX-License-Identifier: MIT
#include "base/escape.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace preforkd {
namespace {

using std::string_view_literals::operator""sv;

TEST(Escape, printable_ascii_and_valid_utf8_stay) {
  EXPECT_EQ(escape_bytes("GET / HTTP/1.1 ~!\"'"), "GET / HTTP/1.1 ~!\"'");
  EXPECT_EQ(escape_bytes("Grüße, 世界 🙂"), "Grüße, 世界 🙂");
  EXPECT_EQ(escape_bytes(""), "");
}

TEST(Escape, backslash_newline_and_tab_have_short_names) { EXPECT_EQ(escape_bytes("a\\b\nc\td"), "a\\\\b\\nc\\td"); }

TEST(Escape, other_controls_become_hex) {
  EXPECT_EQ(escape_bytes("\0\x01\r\x1b[31m\x7f"sv), "\\x00\\x01\\x0d\\x1b[31m\\x7f");
}

TEST(Escape, invalid_utf8_becomes_hex) {
  EXPECT_EQ(escape_bytes("\x80"), "\\x80");           // continuation alone
  EXPECT_EQ(escape_bytes("\xc0\xaf"), "\\xc0\\xaf");  // overlong slash
  EXPECT_EQ(escape_bytes("\xe0\x80\x80"), "\\xe0\\x80\\x80");
  EXPECT_EQ(escape_bytes("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(escape_bytes("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(escape_bytes("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(escape_bytes("\xe4\xb8"), "\\xe4\\xb8");  // cut short
  EXPECT_EQ(escape_bytes("\xe4xy"), "\\xe4xy");
}

TEST(Escape, controls_in_utf8_do_not_reach_a_terminal) {
  EXPECT_EQ(escape_bytes("\xc2\x9b"), "\\xc2\\x9b");           // C1: control sequence introducer
  EXPECT_EQ(escape_bytes("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(escape_bytes("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // line separator
}

TEST(Escape, text_that_may_be_escaped_keeps_backslashes_and_what_a_format_needs) {
  EXPECT_EQ(escape_unsafe("\\x1b\x1b\n"), "\\x1b\\x1b\\n");
  EXPECT_EQ(escape_unsafe("Gr\xc3\xbc\xc3\x9f\n\x1b\n", "\n"), "Gr\xc3\xbc\xc3\x9f\n\\x1b\n");
}

TEST(Escape, a_long_text_is_cut_and_says_by_how_much) {
  EXPECT_EQ(escape_bytes("abcdef", 6), "abcdef");
  EXPECT_EQ(escape_bytes("abcdef", 4), "abcd…(+2 bytes)");
  EXPECT_EQ(escape_bytes("abcdef", 0), "…(+6 bytes)");
}

TEST(Escape, a_cut_never_splits_a_character) {
  EXPECT_EQ(escape_bytes("ab世界", 4), "ab…(+6 bytes)");
  EXPECT_EQ(escape_bytes("ab世界", 5), "ab世…(+3 bytes)");
  EXPECT_EQ(escape_bytes("世", 1), "…(+3 bytes)");
  EXPECT_EQ(escape_bytes("\x80\x80\x80\x80\x80", 4), "\\x80\\x80\\x80\\x80…(+1 bytes)");
}

TEST(Escape, what_a_user_wrote_stands_between_quotes) {
  EXPECT_EQ(in_quotes(""), "\"\"");
  EXPECT_EQ(in_quotes("it's a\n"), "\"it's a\\n\"");
  EXPECT_EQ(in_quotes(std::string(81, 'x')), '"' + std::string(80, 'x') + "…(+1 bytes)\"");
}

TEST(Escape, no_input_yields_a_control_byte) {
  std::mt19937 random(20260103);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    for (const char c : escape_bytes(bytes, random() % 50)) {
      const auto value = static_cast<std::uint8_t>(c);
      ASSERT_TRUE(value >= 0x20 && value != 0x7f);
    }
  }
}

TEST(IsUtf8Text, takes_every_valid_text_and_nothing_else) {
  EXPECT_TRUE(is_utf8_text(""));
  EXPECT_TRUE(is_utf8_text("a\nb\tc \\ gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8_text(std::string_view("a\0b", 3)));
  for (const std::string_view bad : {"\xFF", "a\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80"})
    EXPECT_FALSE(is_utf8_text(bad));
}

}  // namespace
}  // namespace preforkd
