// SPDX-License-Identifier: MIT
// preforkctl at a terminal: colours, the pager, and watch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "support/binaries.hpp"
#include "support/fake_pool.hpp"
#include "support/message_bus.hpp"
#include "support/pseudo_terminal.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char taken[] = "\x1b[?1049h";
constexpr char given_back[] = "\x1b[?25h\x1b[?1049l";

FakePoolState pool_of(std::uint32_t workers) {
  FakePoolState state;
  for (std::uint32_t slot = 0; slot < workers; ++slot) state.workers.push_back({slot, 5000 + slot, "ready", "", ""});
  return state;
}

class CtlTerminal : public testing::Test {
 protected:
  using Environment = std::vector<std::pair<std::string, std::string>>;
  std::unique_ptr<PseudoTerminal> start(std::vector<std::string> arguments, const Environment& environment = {}) const {
    arguments.insert(arguments.begin(), "--address=" + bus_.address());
    return std::make_unique<PseudoTerminal>(binaries::preforkctl, arguments, environment);
  }
  std::string text_of(std::vector<std::string> arguments, const Environment& environment = {}) const {
    const auto terminal = start(std::move(arguments), environment);
    EXPECT_EQ(terminal->wait_exit().status, 0);
    return terminal->text();
  }

  MessageBus bus_;
};

// The first frame of "watch" that has the worker 5001 above 5000.
void wait_for_reverse_order(PseudoTerminal& terminal) {
  const Deadline deadline;
  std::string frame;
  while (frame.find("5001") >= frame.find("5000")) frame = terminal.wait_for("q quit", deadline);
}

bool same(const termios& left, const termios& right) {
  return left.c_lflag == right.c_lflag && left.c_iflag == right.c_iflag && left.c_oflag == right.c_oflag;
}

TEST_F(CtlTerminal, colours_are_for_terminals_that_want_them) {
  const FakePool pool(bus_.address(), pool_of(2));
  EXPECT_THAT(text_of({"status", "echo"}), HasSubstr("\x1b[1;32mrunning\x1b[0m"));
  EXPECT_THAT(text_of({"status", "echo"}, {{"NO_COLOR", "1"}}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(text_of({"status", "echo"}, {{"TERM", "dumb"}}), Not(HasSubstr("\x1b")));
}

TEST_F(CtlTerminal, lines_end_at_its_edge_unless_full_is_given) {
  FakePoolState state = pool_of(1);
  state.description = std::string(200, 'x');
  const FakePool pool(bus_.address(), state);
  EXPECT_THAT(text_of({"list"}), Not(HasSubstr(state.description)));
  EXPECT_THAT(text_of({"list"}), HasSubstr("x…"));
  EXPECT_THAT(text_of({"list", "--full"}), HasSubstr(state.description));
}

TEST_F(CtlTerminal, long_output_goes_through_the_pager) {
  const TempDir folder;
  const std::string pager =
      folder.write("pager", "#!/bin/sh\necho \"paged with $LESS $LESSSECURE $LESSCHARSET\"\nexec cat\n");
  ASSERT_EQ(::chmod(pager.c_str(), 0755), 0);
  const FakePool pool(bus_.address(), pool_of(60));
  const Environment trusted{{"SYSTEMD_PAGERSECURE", "0"}, {"SYSTEMD_PAGER", pager}};
  EXPECT_THAT(text_of({"workers", "echo"}, trusted),
              testing::AllOf(HasSubstr("paged with FRSXMK  utf-8\r\n"), HasSubstr("60 workers.")));
  EXPECT_THAT(text_of({"workers", "echo", "--no-pager"}, trusted), Not(HasSubstr("paged")));
  EXPECT_THAT(text_of({"workers", "echo"}, {{"SYSTEMD_PAGERSECURE", "0"}, {"SYSTEMD_PAGER", ""}, {"PAGER", pager}}),
              Not(HasSubstr("paged")));
  EXPECT_THAT(text_of({"list"}, trusted), Not(HasSubstr("paged"))) << "it is short";
  EXPECT_THAT(text_of({"workers", "echo"}, {{"SYSTEMD_PAGERSECURE", "1"}, {"SYSTEMD_PAGER", pager}}),
              HasSubstr("paged with FRSXMK 1 utf-8\r\n"));
  Environment ascii = trusted;
  ascii.emplace_back("LC_ALL", "C");
  EXPECT_THAT(text_of({"workers", "echo"}, ascii), HasSubstr("paged with FRSXMK  \r\n"));
}

TEST_F(CtlTerminal, watch_looks_again_each_second_and_sorts_by_keys) {
  const FakePool pool(bus_.address(), pool_of(2));
  const auto terminal = start({"watch", "echo"});
  EXPECT_THAT(terminal->wait_for("q quit"), HasSubstr(taken));
  terminal->wait_for("RATE");  // needs a second sample
  terminal->wait_for("q quit");
  terminal->type("R");
  wait_for_reverse_order(*terminal);
  terminal->type("q");
  EXPECT_EQ(terminal->wait_exit().status, 0);
  EXPECT_THAT(terminal->text(), testing::EndsWith(given_back));
}

TEST_F(CtlTerminal, watch_looks_again_at_once_when_the_pool_tells_something) {
  FakePool pool(bus_.address(), pool_of(2));
  const auto terminal = start({"watch", "echo"});
  terminal->wait_for("q quit");
  const auto looks = [&] {
    const std::vector<std::string> calls = pool.calls();
    return std::count(calls.begin(), calls.end(), "GetManagedObjects");
  };
  // More often than in each second: that would take longer than the deadline.
  const Deadline deadline;
  for (int i = 0; i < 30; ++i) {
    const auto before = looks();
    pool.tell_exit(1, 5001, "exit", "exit status 7");
    while (looks() == before) terminal->wait_for("q quit", deadline);
  }
}

TEST_F(CtlTerminal, watch_gives_the_terminal_back_on_every_way_out) {
  const std::vector<std::pair<std::string, std::function<void(PseudoTerminal&)>>> ways{
      {"q", [](PseudoTerminal& terminal) { terminal.type("q"); }},
      {"Esc", [](PseudoTerminal& terminal) { terminal.type("\x1b"); }},
      {"Ctrl-C", [](PseudoTerminal& terminal) { terminal.type("\x03"); }},
      {"Ctrl-\\", [](PseudoTerminal& terminal) { terminal.type("\x1c"); }},
      {"SIGTERM", [](PseudoTerminal& terminal) { terminal.signal(SIGTERM); }},
      {"SIGHUP", [](PseudoTerminal& terminal) { terminal.signal(SIGHUP); }},
  };
  const FakePool pool(bus_.address(), pool_of(2));
  for (const auto& [name, leave] : ways) {
    const auto terminal = start({"watch", "echo"});
    const termios before = terminal->settings();
    terminal->wait_for("q quit");
    EXPECT_FALSE(same(terminal->settings(), before)) << "keys come one by one";
    leave(*terminal);
    EXPECT_EQ(terminal->wait_exit().status, 0) << name;
    EXPECT_THAT(terminal->text(), HasSubstr(given_back)) << name;
    EXPECT_TRUE(same(terminal->settings(), before)) << name;
  }
}

TEST_F(CtlTerminal, watch_takes_no_arrow_for_esc) {
  const FakePool pool(bus_.address(), pool_of(2));
  const auto terminal = start({"watch", "echo"});
  terminal->wait_for("5001");
  terminal->type("\x1b[A\x1b[1;5BR\x1bOA");
  wait_for_reverse_order(*terminal);
  terminal->type("q");
  EXPECT_EQ(terminal->wait_exit().status, 0);
}

TEST_F(CtlTerminal, watch_erases_before_it_writes) {
  FakePoolState state = pool_of(1);
  state.workers[0].status_text = std::string(200, 'x');
  const FakePool pool(bus_.address(), state);
  const auto terminal = start({"watch", "echo"});
  terminal->wait_for("q quit");
  const std::string frame = terminal->wait_for("q quit");
  EXPECT_THAT(frame, testing::AllOf(HasSubstr("x…\r\n"), HasSubstr("\x1b[H\x1b[K"), HasSubstr("\x1b[J"))) << frame;
  EXPECT_THAT(frame, Not(HasSubstr("…\x1b[K"))) << "the cursor is still on the last character of a full line";
}

TEST_F(CtlTerminal, watch_ends_with_its_pool_and_with_its_bus) {
  auto pool = std::make_unique<FakePool>(bus_.address(), pool_of(2));
  auto terminal = start({"watch", "echo"});
  terminal->wait_for("q quit");
  pool.reset();
  EXPECT_EQ(terminal->wait_exit().status, 69);
  EXPECT_THAT(terminal->text(), HasSubstr(std::string(given_back) + "preforkctl: pool \"echo\""));

  pool = std::make_unique<FakePool>(bus_.address(), pool_of(2));
  terminal = start({"watch", "echo"});
  terminal->wait_for("q quit");
  bus_.stop();
  EXPECT_EQ(terminal->wait_exit().status, 69);
  EXPECT_THAT(terminal->text(), HasSubstr(given_back));
}

TEST_F(CtlTerminal, watch_stops_and_goes_on_as_a_shell_expects) {
  const FakePool pool(bus_.address(), pool_of(2));
  const auto terminal = start({"watch", "echo"});
  const termios before = terminal->settings();
  terminal->wait_for("q quit");
  terminal->signal(SIGTSTP);
  terminal->wait_for(given_back);
  ASSERT_TRUE(eventually([&] { return same(terminal->settings(), before); }));
  ASSERT_TRUE(eventually([&] {  // one that comes before it has stopped is lost
    terminal->signal(SIGCONT);
    return !same(terminal->settings(), before);
  }));
  EXPECT_THAT(terminal->wait_for("q quit"), HasSubstr(taken));
  terminal->type("q");
  EXPECT_EQ(terminal->wait_exit().status, 0);
}

TEST_F(CtlTerminal, watch_of_a_pool_that_does_not_answer_can_be_left) {
  FakePool pool(bus_.address(), pool_of(2));
  pool.stay_silent("GetAll");
  const auto terminal = start({"watch", "echo"});
  terminal->wait_for("waiting for pool \"echo\"");
  terminal->type("q");
  EXPECT_EQ(terminal->wait_exit().status, 0);
}

TEST_F(CtlTerminal, watch_without_one_is_an_error_that_names_the_alternatives) {
  const FakePool pool(bus_.address(), pool_of(2));
  Process process(binaries::preforkctl, {"--address=" + bus_.address(), "watch", "echo"});
  EXPECT_EQ(process.wait_exit().status, 64);
  EXPECT_THAT(process.err().wait_closed(), HasSubstr("needs a terminal"));

  const auto dumb = start({"watch", "echo"}, {{"TERM", "dumb"}});
  EXPECT_EQ(dumb->wait_exit().status, 64);
  EXPECT_THAT(dumb->text(), testing::AllOf(HasSubstr("a terminal that is not dumb"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace preforkd::component
