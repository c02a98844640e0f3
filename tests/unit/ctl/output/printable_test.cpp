// SPDX-License-Identifier: MIT
#include "ctl/output/printable.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <random>

namespace preforkd::ctl {
namespace {

// The character set of a locale, as long as it lives.
class Locale {
 public:
  explicit Locale(const char* name) : before_(std::setlocale(LC_CTYPE, nullptr)) { std::setlocale(LC_CTYPE, name); }
  Locale(const Locale&) = delete;
  Locale& operator=(const Locale&) = delete;
  ~Locale() { std::setlocale(LC_CTYPE, before_.c_str()); }

 private:
  std::string before_;
};

TEST(Printable, nothing_that_moves_a_terminal_stays) {
  const Locale utf8("C.UTF-8");
  EXPECT_EQ(printable("a\x1b[2J\nb\tc\x7f"), "a\\x1b[2J\\nb\\tc\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(printable("Grüße 世界"), "Grüße 世界");
}

TEST(Printable, only_ascii_stays_where_the_terminal_takes_no_utf8) {
  const Locale ascii("C");
  EXPECT_EQ(printable("Gr\xc3\xbc\xc3\x9f\x65"), "Gr\\xc3\\xbc\\xc3\\x9fe");
  EXPECT_EQ(printable("\xdb\x9b"), "\\xdb\\x9b") << "U+06DB, of which the second byte alone is a control";
}

TEST(Printable, what_is_escaped_already_is_not_escaped_twice) { EXPECT_EQ(printable("\\x1b\\"), "\\x1b\\"); }

TEST(Printable, lines_keep_their_ends) { EXPECT_EQ(printable_lines("a\nb\x07\n"), "a\nb\\x07\n"); }

TEST(Printable, no_bytes_yield_a_control_byte) {
  std::mt19937 random(20260301);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 60, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    for (const char c : printable(bytes)) {
      const auto value = static_cast<unsigned char>(c);
      ASSERT_TRUE(value >= 0x20 && value != 0x7f);
    }
  }
}

TEST(Printable, widths_are_columns_not_bytes) {
  const Locale utf8("C.UTF-8");
  EXPECT_EQ(display_width("Grüße"), 5U);
  EXPECT_EQ(display_width("世界"), 4U);
  EXPECT_EQ(shorten("Grüße", 5), "Grüße");
  EXPECT_EQ(shorten("Grüßer", 5), "Grüß…");
  EXPECT_EQ(shorten("世界世界", 4), "世…");
  EXPECT_EQ(shorten("abc", 0), "");
  EXPECT_EQ(shorten("abc", 1, "~"), "~");
}

}  // namespace
}  // namespace preforkd::ctl
