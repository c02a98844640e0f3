// SPDX-License-Identifier: MIT
// What preforkctl shows from the journal; journald runs in a mount namespace of the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "support/binaries.hpp"
#include "support/fake_pool.hpp"
#include "support/message_bus.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char journald[] = "/lib/systemd/systemd-journald";

// Runs a worker whose output goes to the journal as that of slot 1, prints its process, and goes on with the arguments
// once `go` is written to. A late journal has what the worker wrote when `go.on` is written to. What it mounts and
// starts is gone at its end.
constexpr char script[] = R"sh(
mount -t tmpfs none /run
mkdir -p /run/log/journal /run/systemd/journal
mount -t tmpfs none /var/log
if [ ! -s /etc/machine-id ]; then  # as in a fresh root: the journal has no folder of its own then
  echo 5a7f0b6c1d2e43f8a9b0c1d2e3f40516 >/run/machine-id
  mount --bind /run/machine-id /etc/machine-id
fi
"$1" >/dev/null 2>&1 &
journald=$!
go=$2 late=$3
shift 3
while [ ! -S /run/systemd/journal/stdout ] || ! ls /run/log/journal/*/system.journal >/dev/null 2>&1; do
  kill -0 $journald
done
if [ "$late" ]; then kill -STOP $journald; fi
systemd-cat -t 'echo[1]' sh -c 'i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "worker says $i"; done
  (printf "the \033[31mlast\n"); echo $$ >"$1"' sh "$go.pid"
systemd-cat -t 'echo[1]' echo "another process"
[ "$late" ] || journalctl --sync
echo "worker $(cat "$go.pid")"
read -r line <"$go"
status=0
"$@" & ctl=$!
if [ "$late" ]; then read -r line <"$go.on"; kill -CONT $journald; fi
wait $ctl || status=$?
kill $journald
exit $status
)sh";

std::uint64_t microseconds_in(std::chrono::microseconds span) {
  const auto at = std::chrono::system_clock::now() + span;
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::microseconds>(at.time_since_epoch()).count());
}

class CtlJournal : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to mount";
    if (::access(journald, X_OK) != 0) GTEST_SKIP() << "needs systemd-journald";
    if (::access("/etc/machine-id", F_OK) != 0) GTEST_SKIP() << "needs a machine-id(5)";
    Process probe("/usr/bin/unshare", {"--mount", "sh", "-c", "mount -t tmpfs none /run"});
    if (probe.wait_exit().status != 0) GTEST_SKIP() << "needs a mount namespace: " << probe.err().wait_closed();
    for (const std::string& name : {go_, go_ + ".on"}) ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
  }

  // Runs preforkctl when a worker of a pool has written and ended, and returns what it wrote to stdout and stderr.
  std::string shown(std::vector<std::string> arguments, bool reload_fails = false, bool late = false) {
    arguments.insert(arguments.begin(), {"--mount", "sh", "-ec", script, "sh", journald, go_, late ? "late" : "",
                                         binaries::preforkctl, "--address=" + bus_.address()});
    Process process("/usr/bin/unshare", arguments);
    const std::string line = process.out().wait_for("worker ");
    FakePoolState state;
    state.exit_pid = static_cast<std::uint32_t>(std::stoul(line.substr(line.find(' '))));
    state.fails_at_reload = reload_fails;
    if (late) state.exit_at = microseconds_in(patience);
    FakePool pool(bus_.address(), state);
    pool.fail("Reload", {"org.preforkd1.Error.ReloadFailed", "it failed"});
    static_cast<void>(folder_.write("go", "go\n"));  // a FIFO: waits for its reader
    if (late) {
      EXPECT_TRUE(eventually([&] { return !pool.calls().empty() && pool.calls().back() == "ExitHistory 0"; }));
      static_cast<void>(folder_.write("go.on", "go\n"));
    }
    process.wait_exit();
    return process.out().wait_closed() + process.err().wait_closed();
  }

  MessageBus bus_;
  TempDir folder_;
  std::string go_ = folder_.file("go");
};

void expect_last_words(const std::string& text) {
  EXPECT_THAT(text, HasSubstr("Last lines of worker 1 (pid "));
  EXPECT_THAT(text, HasSubstr("preforkctl logs echo 1\n  worker says 12\n")) << "20 lines";
  EXPECT_THAT(text, HasSubstr("\n  worker says 30\n  the \\x1b[31mlast\n")) << "in order, escaped, and a child's, too";
  EXPECT_THAT(text, Not(HasSubstr("another process")));
}

TEST_F(CtlJournal, why_shows_the_last_lines_of_the_worker_that_failed) { expect_last_words(shown({"why", "echo"})); }

TEST_F(CtlJournal, lines_that_a_busy_journal_gets_late_are_waited_for) {
  expect_last_words(shown({"why", "echo"}, false, true));
}

TEST_F(CtlJournal, a_failed_reload_shows_the_last_lines_of_the_worker_it_failed_of) {
  const std::string text = shown({"reload", "echo"}, true);
  EXPECT_THAT(text, HasSubstr("pool \"echo\": it failed\nLast lines"));
  expect_last_words(text);
}

TEST_F(CtlJournal, a_reload_that_fails_of_something_else_shows_no_lines_of_an_earlier_one) {
  EXPECT_THAT(shown({"reload", "echo"}), testing::EndsWith("preforkctl: pool \"echo\": it failed\n"));
}

}  // namespace
}  // namespace preforkd::component
