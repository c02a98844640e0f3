// SPDX-License-Identifier: MIT
#include <prefork/framing.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace {

using prefork::Endian;
using prefork::Framing;

TEST(Framing, a_delimiter_has_one_to_sixteen_bytes) {
  static_cast<void>(Framing::delimiter(std::string(16, 'x')));
  EXPECT_THROW(static_cast<void>(Framing::delimiter("")), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(Framing::delimiter(std::string(17, 'x'))), std::invalid_argument);
}

TEST(Framing, a_length_has_one_to_eight_bytes) {
  for (unsigned width = 1; width <= 8; ++width) {
    static_cast<void>(Framing::length_prefix(width));
    static_cast<void>(Framing::length_field(1024, width, Endian::little, -8));
  }
  for (const unsigned width : {0U, 9U, 16U, 257U, 264U}) {
    EXPECT_THROW(static_cast<void>(Framing::length_prefix(width)), std::invalid_argument) << width;
    EXPECT_THROW(static_cast<void>(Framing::length_field(0, width)), std::invalid_argument) << width;
  }
  EXPECT_THROW(static_cast<void>(Framing::length_field(1025, 1)), std::invalid_argument);
}

TEST(Framing, a_custom_one_needs_a_function) {
  EXPECT_THROW(static_cast<void>(Framing::custom({})), std::invalid_argument);
}

}  // namespace
