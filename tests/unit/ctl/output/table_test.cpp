// SPDX-License-Identifier: MIT
#include "ctl/output/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

Table sample() {
  Table table({{"NAME"}, {"SIZE", true}, {"TEXT"}});
  table.add({{"a"}, {"1"}, {"first"}});
  table.add({{"longer"}, {"1000", Colour::red}, {""}});
  return table;
}

TEST(Table, columns_are_as_wide_as_their_widest_cell) {
  EXPECT_EQ(sample().text({}, true),
            "NAME    SIZE  TEXT\n"
            "a          1  first\n"
            "longer  1000  -\n");
  EXPECT_EQ(sample().text({}, false), "a          1  first\nlonger  1000  -\n");
}

TEST(Table, lines_end_at_the_terminals_edge) {
  Style narrow;
  narrow.columns = 16;
  EXPECT_EQ(sample().text(narrow, false), "a          1  f…\nlonger  1000  -\n");
  narrow.columns = 5;
  EXPECT_EQ(sample().text(narrow, false), "a   …\nlong…\n");
}

TEST(Table, colours_do_not_count_as_width) {
  Style coloured;
  coloured.colour = true;
  coloured.columns = 30;
  const std::string text = sample().text(coloured, true);
  EXPECT_THAT(text, testing::HasSubstr("longer  \x1b[1;31m1000\x1b[0m  -\n"));
  EXPECT_THAT(text, testing::HasSubstr("\x1b[4mNAME  \x1b[0m  "));
}

TEST(Table, of_no_rows_has_its_titles) {
  EXPECT_EQ(Table({{"A"}, {"B"}}).text({}, true), "A  B\n");
  EXPECT_EQ(Table({{"A"}, {"B"}}).text({}, false), "");
}

}  // namespace
}  // namespace preforkd::ctl
