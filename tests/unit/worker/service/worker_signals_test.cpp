// SPDX-License-Identifier: MIT
#include "worker/service/worker_signals.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "unit/worker/server_process.hpp"
#include "unit/worker/server_thread.hpp"

namespace prefork::test {
namespace {

using internal::EventLoop;
using internal::WorkerSignals;

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

void (*handler_of(int signal))(int) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

// The actions of this process, as before, at the end of a test.
class ActionsKept : public testing::Test {
 protected:
  ActionsKept() {
    for (int signal = 1; signal < 32; ++signal) ::sigaction(signal, nullptr, &before_[signal]);
    for (const int signal : {SIGTERM, SIGINT, SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2}) set_handler(signal, SIG_DFL);
  }
  ~ActionsKept() override {
    for (int signal = 1; signal < 32; ++signal) ::sigaction(signal, &before_[signal], nullptr);
  }

 private:
  struct sigaction before_[32];
};
using WorkerSignalsTest = ActionsKept;

void own_handler(int) {}

TEST_F(WorkerSignalsTest, counts_what_asks_a_worker_to_leave) {
  EventLoop loop;
  WorkerSignals signals(loop);
  ::raise(SIGTERM);
  ::raise(SIGINT);
  for (const int harmless : {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2}) ::raise(harmless);
  EXPECT_EQ(signals.seen(), 0U);
  loop.turn(0);
  EXPECT_EQ(signals.seen(), 2U);
  signals.forget();
  loop.turn(0);
  EXPECT_EQ(signals.seen(), 0U);
}

TEST_F(WorkerSignalsTest, all_objects_of_a_process_hear_a_signal) {
  EventLoop loops[2];
  WorkerSignals first(loops[0]);
  {
    WorkerSignals second(loops[1]);
    ::raise(SIGTERM);
    for (EventLoop& loop : loops) loop.turn(0);
    EXPECT_EQ(second.seen(), 1U);
  }
  EXPECT_EQ(first.seen(), 1U);
  ::raise(SIGTERM);
  loops[0].turn(0);
  EXPECT_EQ(first.seen(), 2U);
  // It takes the place of the second, and hears nothing of what that one has not read.
  WorkerSignals third(loops[1]);
  loops[1].turn(0);
  EXPECT_EQ(third.seen(), 0U);
}

TEST_F(WorkerSignalsTest, the_last_object_restores_what_was_before) {
  set_handler(SIGTERM, own_handler);
  set_handler(SIGINT, SIG_IGN);
  EventLoop loop;
  {
    const WorkerSignals first(loop);
    { const WorkerSignals second(loop); }
    EXPECT_NE(handler_of(SIGTERM), own_handler);
    EXPECT_NE(handler_of(SIGHUP), SIG_DFL);
  }
  EXPECT_EQ(handler_of(SIGTERM), own_handler);
  EXPECT_EQ(handler_of(SIGINT), SIG_IGN);
  for (const int signal : {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2}) EXPECT_EQ(handler_of(signal), SIG_DFL);
}

TEST_F(WorkerSignalsTest, what_the_application_sets_stays) {
  set_handler(SIGPIPE, SIG_IGN);
  set_handler(SIGHUP, own_handler);
  EventLoop loop;
  {
    const WorkerSignals signals(loop);
    EXPECT_EQ(handler_of(SIGPIPE), SIG_IGN);
    EXPECT_EQ(handler_of(SIGHUP), own_handler);
    set_handler(SIGUSR1, own_handler);
    set_handler(SIGTERM, own_handler);
  }
  EXPECT_EQ(handler_of(SIGUSR1), own_handler);
  EXPECT_EQ(handler_of(SIGTERM), own_handler);
}

void fill_eventfds() {
  for (int fd = 3; fd < 256; ++fd) {
    char target[64] = "";
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (::readlink(link.c_str(), target, sizeof target - 1) < 0 || std::string_view(target) != "anon_inode:[eventfd]")
      continue;
    const std::uint64_t full = ~std::uint64_t{0} - 1;
    [[maybe_unused]] const ssize_t written = ::write(fd, &full, sizeof full);
  }
}

TEST_F(WorkerSignalsTest, the_handler_leaves_errno_alone) {
  EventLoop loop;
  const WorkerSignals signals(loop);
  fill_eventfds();  // the handler's write fails with EAGAIN
  errno = ENOTTY;
  ::raise(SIGTERM);
  EXPECT_EQ(errno, ENOTTY);
}

TEST_F(WorkerSignalsTest, a_handler_of_the_application_may_stop_the_server_and_its_errno_stays) {
  Server server;
  fill_eventfds();
  errno = ENOTTY;
  server.stop();
  EXPECT_EQ(errno, ENOTTY);
}

TEST_F(WorkerSignalsTest, a_forked_child_ends_and_its_parent_hears_nothing) {
  EventLoop loop;
  const WorkerSignals signals(loop);
  const pid_t child = ::fork();
  if (child == 0) {
    ::raise(SIGTERM);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  loop.turn(0);
  EXPECT_EQ(signals.seen(), 0U);
}

// As the tests of this program do it.
TEST_F(WorkerSignalsTest, a_forked_child_may_have_a_server_of_its_own) {
  EventLoop loop;
  auto ended = std::make_unique<WorkerSignals>(loop);
  const WorkerSignals signals(loop);
  ended.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    EventLoop childs_loop;
    WorkerSignals childs_signals(childs_loop);
    ::raise(SIGTERM);
    childs_loop.turn(0);
    ::_exit(childs_signals.seen() == 1 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  // Neither the parent's object nor the place that was free in it when it forked.
  WorkerSignals next(loop);
  loop.turn(0);
  EXPECT_EQ(signals.seen(), 0U);
  EXPECT_EQ(next.seen(), 0U);
  EXPECT_EQ(loop.ready(), 0U);
}

TEST_F(WorkerSignalsTest, servers_on_several_threads_all_drain) {
  ServerThread first([](Server&) {});
  ServerThread second([](Server&) {});
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(first.join(), 0);
  EXPECT_EQ(second.join(), 0);
}

// A worker with a thread that was started before its Server, which gets the signal itself if the line says so.
TEST_F(WorkerSignalsTest, a_thread_that_was_there_before_does_not_end_the_worker) {
  for (const bool on_the_thread : {false, true}) {
    const Listener listener;
    pthread_t thread{};
    ServerProcess worker(Start{{listener.fd.get()},
                               {},
                               [&](Server& s) {
                                 s.on_message([&](Connection& c, std::string_view) {
                                   c.send("last words");
                                   if (on_the_thread) {
                                     ::pthread_kill(thread, SIGTERM);
                                   } else {
                                     ::kill(::getpid(), SIGTERM);
                                   }
                                 });
                               },
                               [&] {
                                 std::thread early([] {
                                   for (;;) ::pause();
                                 });
                                 thread = early.native_handle();
                                 early.detach();
                               }});
    TestClient client(listener.address);
    client.send("x\n");
    EXPECT_EQ(client.rest(), "last words\n<eof>");
    EXPECT_EQ(worker.wait(), 0);
  }
}

TEST_F(WorkerSignalsTest, a_signal_before_run_makes_it_drain) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()}, {}, [](Server&) { ::raise(SIGTERM); }, {}});
  EXPECT_EQ(worker.wait(), 0);
}

TEST_F(WorkerSignalsTest, a_mask_inherited_from_who_started_the_worker_does_no_harm) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()},
                             {},
                             [](Server& s) { s.on_connect([](Connection& c) { c.send("hi"); }); },
                             [] {
                               sigset_t all;
                               sigfillset(&all);
                               ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
                             }});
  TestClient client(listener.address);
  EXPECT_EQ(client.line(), "hi");
  EXPECT_EQ(worker.terminate(), 0);
}

TEST_F(WorkerSignalsTest, a_write_into_a_broken_pipe_does_not_end_the_worker) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()},
                             {},
                             [](Server& s) {
                               s.on_message([](Connection& c, std::string_view) {
                                 int ends[2];
                                 ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
                                 ::close(ends[0]);
                                 const bool failed = ::write(ends[1], "x", 1) == -1 && errno == EPIPE;
                                 ::close(ends[1]);
                                 c.send(failed ? "EPIPE" : "written");
                               });
                             },
                             {}});
  TestClient client(listener.address);
  client.send("x\n");
  EXPECT_EQ(client.line(), "EPIPE");
}

// The signals that `program`, started by `how`, has blocked or ignored, of those that the library handles.
std::string started(std::string_view how) {
  const char* const command = "grep -E 'Sig(Blk|Ign)' /proc/self/status";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "pipe2";
  const auto exec = [&] {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl("/bin/grep", "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status", nullptr);
    ::_exit(1);
  };
  pid_t child = -1;
  std::string text;
  if (how == "popen") {
    FILE* const stream = ::popen(command, "re");
    for (int c = 0; (c = std::fgetc(stream)) != EOF;) text += static_cast<char>(c);
    ::pclose(stream);
  } else if (how == "system") {
    const int saved = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100);
    ::dup2(ends[1], STDOUT_FILENO);
    [[maybe_unused]] const int status = ::system(command);
    ::dup2(saved, STDOUT_FILENO);
    ::close(saved);
  } else if (how == "posix_spawn") {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string arguments[] = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"};
    char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), arguments[3].data(), nullptr};
    ::posix_spawn(&child, "/bin/grep", &actions, nullptr, argv, environ);
    ::posix_spawn_file_actions_destroy(&actions);
  } else {
    child = ::fork();
    if (child == 0) exec();
  }
  ::close(ends[1]);
  char buffer[1024];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[0]);
  if (child > 0) ::waitpid(child, nullptr, 0);

  std::uint64_t handled = 0;
  for (const int signal : {SIGTERM, SIGINT, SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2})
    handled |= std::uint64_t{1} << (signal - 1);
  std::string wrong;
  for (const std::string name : {"SigBlk:\t", "SigIgn:\t"}) {
    const std::size_t at = text.find(name);
    if (at == std::string::npos) return "no " + name + " in: " + text;
    if ((std::stoull(text.substr(at + name.size(), 16), nullptr, 16) & handled) != 0)
      wrong += text.substr(at, name.size() + 16);
  }
  return wrong;
}

TEST_F(WorkerSignalsTest, programs_that_a_worker_starts_have_nothing_blocked_or_ignored) {
  const Listener listener;
  ServerProcess worker(Start{
      {listener.fd.get()},
      {},
      [](Server& s) { s.on_message([](Connection& c, std::string_view how) {
                        c.send({how, ": ", started(how)});
                      }); },
      {}});
  TestClient client(listener.address);
  for (const std::string how : {"popen", "system", "posix_spawn", "fork"}) {
    client.send(how + "\n");
    EXPECT_EQ(client.line(), how + ": ");
  }
}

TEST_F(WorkerSignalsTest, a_run_that_could_not_start_leaves_no_reason_to_leave) {
  auto taken = std::make_unique<Listener>();
  Server server;
  server.listen(taken->address);
  server.stop();
  ::raise(SIGTERM);
  EXPECT_EQ(server.run(), 69);
  taken.reset();
  bool served = false;
  server.after(std::chrono::milliseconds(10), [&] {
    served = true;
    server.stop();
  });
  EXPECT_EQ(server.run(), 0);
  EXPECT_TRUE(served);
}

}  // namespace
}  // namespace prefork::test
