// SPDX-License-Identifier: MIT
#include "base/errors.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace preforkd {
namespace {

TEST(ErrnoText, says_the_text_and_the_name) {
  EXPECT_EQ(errno_text(EACCES), "Permission denied (EACCES)");
  EXPECT_EQ(errno_text(EADDRINUSE), "Address already in use (EADDRINUSE)");
}

TEST(ErrnoText, an_unknown_number_is_shown_as_it_is) {
  EXPECT_EQ(errno_text(4711), "unknown error 4711");
  EXPECT_EQ(errno_text(-1), "unknown error -1");
}

TEST(OsFailure, keeps_the_number_with_the_text) {
  const Result<void> mapped = os_failure(EACCES, "cannot map: ");
  EXPECT_EQ(mapped.error().text, "cannot map: Permission denied (EACCES)");
  EXPECT_EQ(mapped.error().number, EACCES);
  EXPECT_EQ(Result<void>(Failure("is empty")).error().number, 0);
}

TEST(ExitError, carries_its_exit_code_and_text) {
  const ExitError error(exit_code::config, "config: pool.json: no program");
  EXPECT_EQ(error.exit_code(), 78);
  EXPECT_STREQ(error.what(), "config: pool.json: no program");
}

}  // namespace
}  // namespace preforkd
