// SPDX-License-Identifier: MIT
#include "echo/escape.hpp"

#include <gtest/gtest.h>

#include <string>

namespace preforkd::echo {
namespace {

TEST(EscapeTest, KeepsPrintableAscii) { EXPECT_EQ(escape("Hello, world ~!"), "Hello, world ~!"); }

TEST(EscapeTest, LeavesNoByteThatATerminalOrALogWouldActOn) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const char byte : escape(all)) {
    EXPECT_GE(byte, ' ');
    EXPECT_LE(byte, '~');
  }
}

TEST(EscapeTest, ShowsControlBytesInAReadableForm) {
  EXPECT_EQ(escape(std::string_view("a\nb\tc\0d\x1b[2J\xff", 12)), "a\\nb\\tc\\x00d\\x1b[2J\\xff");
}

TEST(EscapeTest, EscapesWhatItEscapesWithSoThatTwoInputsNeverLookAlike) {
  EXPECT_EQ(escape("\\n"), "\\\\n");
  EXPECT_EQ(escape("\""), "\\\"");
}

TEST(EscapeTest, CutsLongInputAndSaysHowMuchIsMissing) {
  EXPECT_EQ(escape("abcdef", 4), "abcd…(+2 bytes)");
  EXPECT_EQ(escape("abcd", 4), "abcd");
}

}  // namespace
}  // namespace preforkd::echo
