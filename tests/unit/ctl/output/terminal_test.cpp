// SPDX-License-Identifier: MIT
#include "ctl/output/terminal.hpp"

#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

TEST(KeyReader, keys_are_themselves_and_sequences_are_none) {
  KeyReader reader;
  EXPECT_EQ(reader.take("sR"), "sR");
  EXPECT_EQ(reader.take("\x1b[A"), "") << "an arrow";
  EXPECT_EQ(reader.take("c\x1b[1;5Cm\x1bOPt\x1bqa"), "cmta") << "arrows, function keys and Alt-q among them";
  EXPECT_FALSE(reader.undecided());
}

TEST(KeyReader, a_sequence_may_come_in_pieces) {
  KeyReader reader;
  for (const char* const piece : {"\x1b", "[", "1;", "5", "C"}) EXPECT_EQ(reader.take(piece), "");
  EXPECT_EQ(reader.take("q"), "q");
  EXPECT_EQ(reader.take("\x1b"), "");
  EXPECT_EQ(reader.take("OA"), "");
  EXPECT_EQ(reader.take("q"), "q");
}

TEST(KeyReader, an_escape_character_alone_is_a_key_once_nothing_follows) {
  KeyReader reader;
  EXPECT_EQ(reader.take("\x1b"), "");
  EXPECT_TRUE(reader.undecided());
  EXPECT_EQ(reader.decide(), "\x1b");
  EXPECT_FALSE(reader.undecided());
  EXPECT_EQ(reader.decide(), "");
  EXPECT_EQ(reader.take("\x1b\x1b"), "\x1b") << "twice: the first one is decided";
}

}  // namespace
}  // namespace preforkd::ctl
