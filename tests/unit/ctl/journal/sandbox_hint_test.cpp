// SPDX-License-Identifier: MIT
#include "ctl/journal/sandbox_hint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(SandboxHint, names_what_the_sandbox_may_have_refused_and_the_keys_that_change_it) {
  const std::string hint = sandbox_hint("web", {"Traceback", "OSError: [Errno 30] Read-only file system: '/srv/x'"});
  EXPECT_THAT(hint, HasSubstr("\"Read-only file system\" may be the sandbox: \"writable\" and \"sandbox\""));
  EXPECT_THAT(hint, HasSubstr("preforkctl apply web"));
  EXPECT_EQ(hint.back(), '\n');
  EXPECT_THAT(sandbox_hint("web", {"open /srv/x: read-only file system"}), HasSubstr("Read-only")) << "as Go has it";
}

TEST(SandboxHint, is_empty_for_other_failures) {
  EXPECT_THAT(sandbox_hint("web", {}), IsEmpty());
  EXPECT_THAT(sandbox_hint("web", {"No such file or directory", "Permission"}), IsEmpty());
}

}  // namespace
}  // namespace preforkd::ctl
