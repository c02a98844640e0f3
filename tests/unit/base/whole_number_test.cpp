// SPDX-License-Identifier: MIT
#include "base/whole_number.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

namespace preforkd {
namespace {

TEST(WholeNumber, is_all_of_the_text_or_nothing) {
  EXPECT_EQ(whole_number<unsigned>("0"), 0U);
  EXPECT_EQ(whole_number<unsigned>("0042"), 42U);
  for (const char* text : {"", " 1", "1 ", "1x", "x", "+1", "1.0", "0x1", "1,000"})
    EXPECT_EQ(whole_number<unsigned>(text), std::nullopt) << text;
}

TEST(WholeNumber, fits_its_type) {
  EXPECT_EQ(whole_number<std::uint16_t>("65535"), 65535);
  EXPECT_EQ(whole_number<std::uint16_t>("65536"), std::nullopt);
  EXPECT_EQ(whole_number<int>("-7"), -7);
  EXPECT_EQ(whole_number<unsigned>("-7"), std::nullopt);
}

TEST(WholeNumber, has_any_base) {
  EXPECT_EQ(whole_number<unsigned>("0660", 8), 0660U);
  EXPECT_EQ(whole_number<unsigned>("8", 8), std::nullopt);
}

}  // namespace
}  // namespace preforkd
