// SPDX-License-Identifier: MIT
#include <prefork/framing.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace {

using prefork::Endian;
using prefork::Framing;

TEST(Framing, keeps_what_it_was_made_of) {
  EXPECT_EQ(Framing::lines().kind(), Framing::Kind::lines);
  EXPECT_EQ(Framing::raw().kind(), Framing::Kind::raw);

  const Framing delimited = Framing::delimiter({"\0\r\n", 3});
  EXPECT_EQ(delimited.kind(), Framing::Kind::delimiter);
  EXPECT_EQ(delimited.delimiter_bytes(), std::string_view("\0\r\n", 3));

  const Framing prefixed = Framing::length_prefix(4, Endian::little);
  EXPECT_EQ(prefixed.kind(), Framing::Kind::length_prefix);
  EXPECT_EQ(prefixed.prefix_width(), 4U);
  EXPECT_EQ(prefixed.endian(), Endian::little);
  EXPECT_EQ(Framing::length_prefix(2).endian(), Endian::big);
}

TEST(Framing, a_delimiter_has_one_to_sixteen_bytes) {
  EXPECT_EQ(Framing::delimiter(std::string(16, 'x')).delimiter_bytes(), std::string(16, 'x'));
  EXPECT_THROW(static_cast<void>(Framing::delimiter("")), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(Framing::delimiter(std::string(17, 'x'))), std::invalid_argument);
}

TEST(Framing, a_length_prefix_has_one_two_four_or_eight_bytes) {
  for (const unsigned width : {1U, 2U, 4U, 8U}) EXPECT_EQ(Framing::length_prefix(width).prefix_width(), width);
  for (const unsigned width : {0U, 3U, 5U, 16U, 257U, 264U}) {
    EXPECT_THROW(static_cast<void>(Framing::length_prefix(width)), std::invalid_argument) << width;
  }
}

}  // namespace
