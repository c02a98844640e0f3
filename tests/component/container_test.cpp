// SPDX-License-Identifier: MIT
// The master as the first process of a container.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/errors.hpp"
#include "support/binaries.hpp"
#include "support/proc.hpp"
#include "support/process.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;

const std::string unshare = "/usr/bin/unshare";

class Container : public testing::Test {
 protected:
  void SetUp() override {
    const Ended probe = run(unshare, {"-rmpf", "--mount-proc", "/bin/true"});
    if (probe.status != 0) GTEST_SKIP() << "no namespaces here: " << probe.err;
  }
};

TEST_F(Container, orphans_of_workers_are_reaped) {
  const std::string script = "(echo orphan of $PREFORK_WORKER >&2 &); exec tail -f /dev/null";
  const Process container(unshare, {"-rpf", "--mount-proc", "--kill-child", binaries::preforkd, "--workers", "3",
                                    "--listen", "127.0.0.1:0", "--ready", "exec", "--", "/bin/sh", "-c", script});
  for (const char* slot : {"0", "1", "2"}) container.err().wait_for(std::string("orphan of ") + slot);
  container.err().wait_for("3/3 workers ready");
  const std::vector<pid_t> first = children_of(container.pid());
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(eventually([&] { return descendants_of(first[0]).size() == 3; }));
  for (const pid_t worker : children_of(first[0])) EXPECT_EQ(comm_of(worker), "tail");
}

TEST_F(Container, a_read_only_one_is_told_what_was_tried_and_what_helps) {
  StartOptions options;
  options.only_this_environment = true;
  options.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"XDG_RUNTIME_DIR", "/nonexistent"}};
  const std::string script = "mount -t tmpfs -o ro none /run && mount -t tmpfs -o ro none /tmp && exec \"$@\"";
  const Ended ended = run(
      unshare, {"-rm", "/bin/sh", "-c", script, "sh", binaries::preforkd, "--listen", "127.0.0.1:0", "--", "/bin/true"},
      options);
  EXPECT_EQ(ended.status, exit_code::unavailable) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("$XDG_RUNTIME_DIR /nonexistent: No such file or directory (ENOENT); "
                                   "/run: Read-only file system (EROFS); /tmp: Read-only file system (EROFS); "
                                   "set RUNTIME_DIRECTORY or TMPDIR to a folder"));
}

TEST_F(Container, a_program_where_nothing_may_be_executed_is_not_blamed_for_its_mode) {
  const std::string script =
      "mount -t tmpfs -o noexec none /mnt && cp /bin/true /mnt/server && exec \"$0\" --check --name web -- /mnt/server";
  const Ended ended = run(unshare, {"-rm", "/bin/sh", "-c", script, binaries::preforkd});
  EXPECT_EQ(ended.status, exit_code::usage) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("\"/mnt/server\": is in a folder mounted noexec, by the sandbox of the pool's"));
}

}  // namespace
}  // namespace preforkd::component
