// SPDX-License-Identifier: MIT
#include "config/reader/environment_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(EnvironmentFiles, later_files_override_earlier_ones_and_are_read_anew_each_time) {
  const TempFolder folder;
  const std::vector<std::string> files = {folder.write("a", "A=1\nB=1"), folder.write("b", "B=2")};
  EXPECT_THAT(read_environment_files(files).value(), ElementsAre(Pair("A", "1"), Pair("B", "2")));
  folder.write("b", "B=3");
  EXPECT_THAT(read_environment_files(files).value(), ElementsAre(Pair("A", "1"), Pair("B", "3")));
}

TEST(EnvironmentFiles, a_file_after_a_dash_may_be_missing_but_not_be_wrong) {
  const TempFolder folder;
  const std::string none = folder.path("none");
  EXPECT_EQ(read_environment_files({none}).error().text, none + ": No such file or directory (ENOENT)");
  EXPECT_TRUE(read_environment_files({'-' + none}).value().empty());
  const std::string bad = folder.write("bad", "A=1\nB='");
  EXPECT_EQ(read_environment_files({'-' + bad}).error().text, bad + ": line 2: the quote is never closed");
  EXPECT_EQ(read_environment_files({'-' + folder.path()}).error().text, folder.path() + ": is a directory, not a file");
}

TEST(EnvironmentFiles, refuse_variables_of_the_contract_and_too_long_ones) {
  const TempFolder folder;
  const std::string taken = folder.write("taken", "LISTEN_FDS=3");
  EXPECT_EQ(read_environment_files({taken}).error().text, taken + ": LISTEN_FDS is set by preforkd for each worker");
  const std::string longest = folder.write("long", "A=" + std::string(131069, 'x'));
  EXPECT_TRUE(read_environment_files({longest}));
  folder.write("long", "A=" + std::string(131070, 'x'));
  EXPECT_EQ(read_environment_files({longest}).error().text, longest + ": A is longer than 131071 bytes, the limit");
}

}  // namespace
}  // namespace preforkd
