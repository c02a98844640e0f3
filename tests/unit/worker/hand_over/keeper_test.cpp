// SPDX-License-Identifier: MIT
// Connections that outlive a worker that is killed, with a test in the master's place.
#include "worker/hand_over/keeper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/sanitized.hpp"
#include "unit/worker/hand_over/moving_workers.hpp"

namespace prefork::test {
namespace {

using testing::AnyOf;
using testing::Eq;

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

pid_t keeper_of(pid_t worker) {
  const std::string id = std::to_string(worker);
  return static_cast<pid_t>(std::atoi(file_text("/proc/" + id + "/task/" + id + "/children").c_str()));
}

long figure(const std::string& text, const std::string& name) {
  const std::size_t at = text.find(name);
  return at == std::string::npos ? -1 : std::atol(text.c_str() + at + name.size());
}

class KeeperTest : public testing::Test {
 protected:
  KeeperTest() { first_.expect<control::Hello>(); }
  // From now on the keeper speaks on the worker's channel.
  void kill_first() {
    await_rest(first_);
    first_.process().signal(SIGKILL);
  }

  Listener listener_;
  Worker first_{listener_, "first"};
};

TEST_F(KeeperTest, the_resting_connections_of_a_killed_worker_are_served_by_another) {
  std::vector<TestClient> clients = log_in(listener_, 200);
  Worker second = start_taker(listener_, "second");
  kill_first();
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 200U);
  introduce(first_, second);
  expect_served_by(clients, "second");
  const auto gave = first_.expect<control::Gave>();
  EXPECT_EQ(gave.moved, 200U);
  EXPECT_EQ(gave.closed, 0U);
  EXPECT_EQ(gave.by_keeper, 1U);
  EXPECT_FALSE(first_.next()) << "the keeper has ended";
  EXPECT_EQ(second.page().connections_adopted.load(), 200U);
}

// By a timer, a message of another worker, or the kernel's room for what it did not take at once.
TEST_F(KeeperTest, a_connection_rests_after_what_it_was_sent_unasked) {
  std::vector<TestClient> clients = log_in(listener_, 2);
  clients[0].send("push\n");
  EXPECT_EQ(clients[0].line(), "soon");
  EXPECT_EQ(clients[0].line(), "pushed");
  clients[1].send("much\n");
  EXPECT_EQ(clients[1].line().size(), 600'000U);
  Worker second = start_taker(listener_, "second");
  kill_first();
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 2U);
  introduce(first_, second);
  expect_served_by(clients, "second");
}

// Which it sends in one packet.
TEST(KeeperOfAWorker, gives_the_largest_state_that_can_be_kept) {
  const Listener listener;
  const std::string name(preforkd::transfer::max_state_bytes, 'n');
  const auto keep_all = [](Server& s) { s.limits(Limits().max_kept_state(preforkd::transfer::max_state_bytes)); };
  Worker first(listener, "first", keep_all);
  first.expect<control::Hello>();
  TestClient client(listener.address);
  client.send("i am " + name + "\n");
  ASSERT_EQ(client.line(), "hello " + name);
  Worker second = start_taker(listener, "second", keep_all);
  await_rest(first);
  first.process().signal(SIGKILL);
  first.expect<control::Seeks>();
  introduce(first, second);
  client.send("who\n");
  EXPECT_EQ(client.line(), name + " at second");
}

TEST_F(KeeperTest, a_connection_of_which_something_is_in_hand_is_reset_at_once) {
  std::vector<TestClient> clients = log_in(listener_, 4);
  clients[0].send("later\n");
  clients[1].send("wh");
  clients[2].send("pin\n");
  EXPECT_EQ(clients[2].line(), "pinned");
  clients[3].send("who\n");
  EXPECT_EQ(clients[3].line(), "3 at first");
  kill_first();
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 1U);
  EXPECT_EQ(clients[0].rest(), "<reset>");
  EXPECT_EQ(clients[1].rest(), "<reset>");
  EXPECT_EQ(clients[2].rest(), "<reset>");
  Worker second = start_taker(listener_, "second");
  introduce(first_, second);
  EXPECT_EQ(first_.expect<control::Gave>().closed, 3U);
  clients[3].send("who\n");
  EXPECT_EQ(clients[3].line(), "3 at second");
}

TEST_F(KeeperTest, without_a_taker_all_are_closed) {
  std::vector<TestClient> clients = log_in(listener_, 3);
  kill_first();
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 3U);
  first_.say(control::NoTaker{});
  for (TestClient& client : clients) EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_EQ(first_.expect<control::Gave>().closed, 3U);
  EXPECT_FALSE(first_.next());
}

TEST_F(KeeperTest, without_a_master_all_are_closed) {
  std::vector<TestClient> clients = log_in(listener_, 3);
  kill_first();
  first_.forsake();
  for (TestClient& client : clients) EXPECT_EQ(client.rest(), "<eof>");
}

TEST_F(KeeperTest, what_a_taker_that_died_had_not_taken_goes_to_another) {
  std::vector<TestClient> clients = log_in(listener_, 200);
  Worker second = start_taker(listener_, "second");
  second.process().signal(SIGSTOP);
  kill_first();
  first_.expect<control::Seeks>();
  introduce(first_, second);
  second.process().signal(SIGKILL);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 200U);
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  expect_served_by(clients, "third");
}

// Those that it had taken in the turn in which it died rest like all others.
TEST_F(KeeperTest, a_taker_that_dies_while_it_takes_loses_only_what_it_has_in_hand) {
  std::vector<TestClient> clients = log_in(listener_, 30);
  Worker second = start_taker(listener_, "second", dies_of("20"));
  kill_first();
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 30U);
  introduce(first_, second);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 20U);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 10U);
  EXPECT_EQ(second.expect<control::Seeks>().connections, 20U);
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  introduce(second, third);
  expect_served_by(clients, "third");
}

TEST_F(KeeperTest, a_connection_of_which_two_takers_died_is_offered_to_no_third_one) {
  std::vector<TestClient> clients = log_in(listener_, 30);
  Worker second = start_taker(listener_, "second", dies_of("20"));
  Worker third = start_taker(listener_, "third", dies_of("20"));
  Worker fourth = start_taker(listener_, "fourth", dies_of("20"));
  kill_first();
  first_.expect<control::Seeks>();
  introduce(first_, second);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 20U);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 10U);
  introduce(first_, third);
  const auto gave = first_.expect<control::Gave>();
  EXPECT_EQ(refused(gave, preforkd::transfer::Refusal::failed), 1U);
  EXPECT_EQ(gave.closed, 1U);
  EXPECT_EQ(clients[20].rest(), "<eof>");
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 9U);
  introduce(first_, fourth);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 9U);
  clients[29].send("who\n");
  EXPECT_EQ(clients[29].line(), "29 at fourth");
}

TEST_F(KeeperTest, takers_that_leave_in_order_are_no_proof_against_a_connection) {
  std::vector<TestClient> clients = log_in(listener_, 5);
  Worker second = start_taker(listener_, "second");
  Worker third = start_taker(listener_, "third");
  kill_first();
  for (Worker* const taker : {&second, &third}) {
    EXPECT_EQ(first_.expect<control::Seeks>().connections, 5U);
    taker->process().signal(SIGSTOP);
    introduce(first_, *taker);
    taker->process().signal(SIGTERM);
    taker->process().signal(SIGCONT);
  }
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 5U);
  Worker fourth = start_taker(listener_, "fourth");
  introduce(first_, fourth);
  expect_served_by(clients, "fourth");
}

TEST_F(KeeperTest, asks_the_next_master_if_the_last_one_has_only_heard_it) {
  std::vector<TestClient> clients = log_in(listener_, 5);
  kill_first();
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 5U);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 5U);
  Worker second = start_taker(listener_, "second");
  introduce(first_, second);
  expect_served_by(clients, "second");
}

// Which leave or have died, before the master knows it: it still sees workers that had their chance.
TEST_F(KeeperTest, asks_once_more_after_takers_that_leave_or_have_died) {
  std::vector<TestClient> clients = log_in(listener_, 5);
  Worker second = start_taker(listener_, "second");
  kill_first();
  first_.expect<control::Seeks>();
  second.process().signal(SIGSTOP);
  introduce(first_, second);
  second.process().signal(SIGTERM);
  second.process().signal(SIGCONT);
  first_.expect<control::Seeks>();
  first_.say(control::NoTaker{});
  for (unsigned dead = 0; dead < preforkd::transfer::max_takers + 2; ++dead) {
    EXPECT_EQ(first_.expect<control::Seeks>().connections, 5U);
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    preforkd::UniqueFd(ends[0]).reset();
    const preforkd::UniqueFd givers(ends[1]);
    first_.say(control::Give{}, givers.get());
  }
  first_.expect<control::Seeks>();
  first_.say(control::NoTaker{});
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 5U);
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  expect_served_by(clients, "third");
}

// Its patience ends with drain_timeout, not with the third worker that has no place.
TEST_F(KeeperTest, waits_for_a_place_while_all_are_full) {
  std::vector<TestClient> clients = log_in(listener_, 2);
  Worker second = start_taker(listener_, "second", [](Server& s) { s.limits(Limits().max_connections(1)); });
  kill_first();
  first_.expect<control::Seeks>();
  introduce(first_, second);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 1U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(first_.expect<control::Seeks>().connections, 1U);
    introduce(first_, second);
  }
  first_.expect<control::Seeks>();
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  const auto gave = first_.expect<control::Gave>();
  EXPECT_EQ(gave.moved, 1U);
  EXPECT_EQ(refused(gave, preforkd::transfer::Refusal::full), 0U) << "all were taken";
}

// A helper program that the worker has started and that has not closed what it inherited.
TEST(KeeperOfAWorker, ends_connections_at_once_that_a_child_has_too) {
  const Listener listener;
  Worker first(listener, "first", [](Server& s) {
    s.on_connect([](Connection& c) {
      const pid_t child = ::fork();
      if (child > 0) return c.send("child " + std::to_string(child));
      for (;;) ::pause();
    });
  });
  first.expect<control::Hello>();
  TestClient busy(listener.address);
  TestClient resting(listener.address);
  const auto child_of = [](TestClient& client) {
    return static_cast<pid_t>(std::atoi(client.line().substr(sizeof "child" - 1).c_str()));
  };
  const pid_t children[] = {child_of(busy), child_of(resting)};
  busy.send("wh");
  await_rest(first);
  first.process().signal(SIGKILL);
  EXPECT_EQ(first.expect<control::Seeks>().connections, 1U);
  first.say(control::NoTaker{});
  EXPECT_EQ(busy.rest(), "<reset>");
  EXPECT_EQ(resting.rest(), "<eof>");
  for (const pid_t child : children) ::kill(child, SIGKILL);
}

TEST_F(KeeperTest, a_taker_that_wakes_up_too_late_takes_nothing) {
  std::vector<TestClient> clients = log_in(listener_, 100);
  Worker second = start_taker(listener_, "second");
  second.process().signal(SIGSTOP);
  kill_first();
  first_.expect<control::Seeks>();
  introduce(first_, second);
  first_.expect<control::Seeks>();
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  second.process().signal(SIGCONT);
  for (int round = 0; round < 5; ++round) expect_served_by(clients, "third");
  EXPECT_EQ(second.page().connections_adopted.load(), 0U);
}

TEST_F(KeeperTest, what_one_taker_refuses_the_next_one_gets) {
  std::vector<TestClient> clients = log_in(listener_, 3);
  Worker second = start_taker(listener_, "second", [](Server& s) { s.limits(Limits().max_connections(1)); });
  kill_first();
  first_.expect<control::Seeks>();
  introduce(first_, second);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 1U);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 2U);
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 2U);
  for (TestClient& client : clients) {
    client.send("who\n");
    EXPECT_THAT(client.line().substr(1), AnyOf(Eq(" at second"), Eq(" at third")));
  }
}

// The taker has read none of them when the giver dies: they are on their way.
TEST_F(KeeperTest, a_taker_gets_what_a_giver_had_sent_when_it_died) {
  std::vector<TestClient> clients = log_in(listener_, 40);
  Worker second = start_taker(listener_, "second");
  second.process().signal(SIGSTOP);
  introduce(first_, second);
  first_.process().signal(SIGTERM);
  // They are sent when it has closed its listening socket and sleeps again.
  const std::string socket = "/proc/" + std::to_string(first_.process().pid()) + "/fd/3";
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::filesystem::exists(std::filesystem::symlink_status(socket))) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  await_rest(first_);
  first_.process().signal(SIGKILL);
  second.process().signal(SIGCONT);
  expect_served_by(clients, "second");
}

TEST_F(KeeperTest, a_worker_that_ends_in_order_takes_its_keeper_along) {
  const pid_t keeper = keeper_of(first_.process().pid());
  ASSERT_GT(keeper, 0);
  std::vector<TestClient> clients = log_in(listener_, 3);
  first_.process().signal(SIGTERM);
  first_.expect<control::Seeks>();
  first_.say(control::NoTaker{});
  EXPECT_EQ(first_.process().wait(), 0);
  EXPECT_FALSE(first_.next());
  EXPECT_LT(::kill(keeper, 0), 0);
}

TEST_F(KeeperTest, another_keeper_follows_one_that_has_died) {
  std::vector<TestClient> clients = log_in(listener_, 3);
  const pid_t keeper = keeper_of(first_.process().pid());
  const auto deadline = std::chrono::steady_clock::now() + patience;
  // One that dies within its first second has no successor.
  ASSERT_FALSE(wait_for(clients[0].fd(), POLLIN, milliseconds(1100)));
  ::kill(keeper, SIGKILL);
  while (keeper_of(first_.process().pid()) == keeper || keeper_of(first_.process().pid()) == 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    ::sched_yield();
  }
  Worker second = start_taker(listener_, "second");
  kill_first();
  first_.expect<control::Seeks>();
  introduce(first_, second);
  expect_served_by(clients, "second");
}

TEST_F(KeeperTest, sleeps) {
  const pid_t keeper = keeper_of(first_.process().pid());
  ASSERT_GT(keeper, 0);
  const std::string folder = "/proc/" + std::to_string(keeper);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (file_text(folder + "/comm") != "keeper\n" ||
         file_text(folder + "/status").find("State:\tS") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  std::vector<TestClient> clients = log_in(listener_, 1);
  const long switches = figure(file_text(folder + "/status"), "voluntary_ctxt_switches:");
  for (int i = 0; i < 100; ++i) {
    clients[0].send("who\n");
    clients[0].line();
  }
  EXPECT_EQ(figure(file_text(folder + "/status"), "voluntary_ctxt_switches:"), switches);
}

TEST(KeeperOfAWorker, keeps_no_memory_that_the_worker_had) {
  if (preforkd::is_sanitized) GTEST_SKIP() << "a sanitizer's memory is kept";
  const Listener listener;
  Worker first(listener, "first", [](Server& s) {
    const auto much = std::make_shared<std::string>(20'000'000, 'm');
    const auto many = std::make_shared<std::vector<std::string>>(100'000, std::string(100, 'm'));
    s.on_half_close([much, many](Connection&) {});
  });
  first.expect<control::Hello>();
  const pid_t keeper = keeper_of(first.process().pid());
  ASSERT_GT(keeper, 0);
  const std::string rollup = "/proc/" + std::to_string(keeper) + "/smaps_rollup";
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (figure(file_text(rollup), "Pss:") > 1000) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST(KeeperOfAWorker, that_crashes_or_calls_exit_gives_its_connections_too) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGUSR2}) {
    const Listener listener;
    Worker first(listener, "first", [](Server& s) {
      ::signal(SIGUSR2, [](int) { ::exit(3); });
      static_cast<void>(s);
    });
    first.expect<control::Hello>();
    std::vector<TestClient> clients = log_in(listener, 3);
    Worker second = start_taker(listener, "second");
    await_rest(first);
    first.process().signal(signal);
    first.expect<control::Seeks>();
    introduce(first, second);
    expect_served_by(clients, "second");
  }
}

// Lets a process run from one beginning or end of a system call to the next.
class Steps {
 public:
  explicit Steps(pid_t pid) : pid_(pid) {
    seized_ = ::ptrace(PTRACE_SEIZE, pid_, nullptr, PTRACE_O_TRACESYSGOOD) == 0 &&
              ::ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) == 0 && await_stop();
  }
  [[nodiscard]] bool seized() const { return seized_; }
  // False: it has ended.
  bool next() {
    do ::ptrace(PTRACE_SYSCALL, pid_, nullptr, WSTOPSIG(status_) < 32 && !is_trap() ? WSTOPSIG(status_) : 0);
    while (await_stop() && WSTOPSIG(status_) != (SIGTRAP | 0x80));
    return !ended_;
  }

 private:
  [[nodiscard]] bool is_trap() const { return WSTOPSIG(status_) == SIGTRAP || status_ >> 16 != 0; }
  // Its end is left to whoever waits for it.
  bool await_stop() {
    siginfo_t info{};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (info.si_pid == 0) {
      ::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT);
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("the process makes no system call");
      ::sched_yield();
    }
    ended_ = info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED;
    return !ended_ && ::waitpid(pid_, &status_, 0) == pid_;
  }

  const pid_t pid_;
  int status_ = 0;
  bool seized_ = false;
  bool ended_ = false;
};

// Until the worker and its keeper have ended. The keeper may find an answer that the worker has not read.
void answer_seeks(Worker& worker, Worker& taker) {
  while (const auto message = worker.next()) {
    if (std::holds_alternative<control::Seeks>(*message)) static_cast<void>(may_introduce(worker, taker, 0));
  }
}

// The giver or the taker is killed there. False: it has ended before.
bool kill_at_step(int step, bool giver_dies) {
  const Listener listener;
  Worker first(listener, "first");
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 3);
  await_rest(first);
  Worker second = start_taker(listener, "second");
  Worker third = start_taker(listener, "third");
  const Worker& dies = giver_dies ? first : second;
  await_rest(dies);
  Steps steps(dies.process().pid());
  EXPECT_TRUE(steps.seized());
  introduce(first, second);
  first.process().signal(SIGTERM);
  bool in_time = true;
  for (int i = 0; i < step && in_time; ++i) {
    // The taker has nothing more to do when the giver has ended.
    in_time = steps.next() && first.process().lives();
  }
  dies.process().signal(SIGKILL);
  answer_seeks(first, third);
  if (!giver_dies) answer_seeks(second, third);
  std::uint64_t served = 0;
  for (TestClient& client : clients) {
    client.send("who\n");
    if (client.line().find(" at ") != std::string::npos) ++served;
  }
  const std::uint64_t adopted =
      third.page().connections_adopted.load() + (giver_dies ? second.page().connections_adopted.load() : 0);
  EXPECT_EQ(adopted, served) << "step " << step;
  return in_time;
}

TEST(KeeperAtEachSystemCall, no_connection_has_two_owners_when_its_giver_dies) {
  int step = 0;
  while (kill_at_step(step, true) && !HasFailure()) ++step;
  RecordProperty("steps", step);
  EXPECT_GT(step, 20);
}

TEST(KeeperAtEachSystemCall, no_connection_has_two_owners_when_its_taker_dies) {
  int step = 0;
  while (kill_at_step(step, false) && !HasFailure()) ++step;
  RecordProperty("steps", step);
  EXPECT_GT(step, 20);
}

// A client that asks for numbers, several at a time, and knows which reply must come next.
struct Counting {
  explicit Counting(const std::string& address) : socket(address) {}

  void ask(unsigned depth) {
    std::string requests;
    while (asked < answered + depth) requests += std::to_string(asked++) + "\n";
    if (requests.empty()) return;
    if (::send(socket.fd(), requests.data(), requests.size(), MSG_NOSIGNAL) < 0) lost = true;
  }
  // What has arrived so far. Returns what is wrong with it.
  std::string read() {
    char buffer[4096];
    const ssize_t got = ::recv(socket.fd(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return "";
    if (got <= 0) {
      lost = true;
      return "";
    }
    received.append(buffer, static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = received.find('\n')) != std::string::npos; received.erase(0, end + 1)) {
      const std::string line = received.substr(0, end);
      const std::string expected = std::to_string(answered++);
      if (line.substr(0, line.find(' ')) != expected) return line + " came instead of " + expected;
      moved = moved || line.find("second") != std::string::npos;
    }
    return "";
  }

  TestClient socket;
  std::string received;
  unsigned asked = 0;
  unsigned answered = 0;
  bool lost = false;
  bool moved = false;
};

void count_for(Server& server, const std::string& worker) {
  server.on_message([worker](Connection& c, std::string_view number) { c.send({number, " ", worker}); });
}

// A worker is killed at a random instant under eight such clients. Returns what went wrong.
std::string kill_at_random(unsigned seed, int& moved, int& lost) {
  std::minstd_rand random(seed + 1);
  const unsigned depth = seed % 2 == 0 ? 1 : 16;
  const Listener listener;
  Worker first(listener, "first", [](Server& s) { count_for(s, "first"); });
  first.expect<control::Hello>();
  std::vector<Counting> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(listener.address);
  // All are accepted before there is another worker.
  for (Counting& client : clients) client.ask(1);
  for (Counting& client : clients) {
    if (!wait_for(client.socket.fd(), POLLIN)) return "no first reply";
  }
  Worker second = start_taker(listener, "second", [](Server& s) { count_for(s, "second"); });
  const auto instant = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 2000);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  bool killed = false;
  // Until each client was served by the second worker, or lost.
  for (;;) {
    if (!killed && std::chrono::steady_clock::now() >= instant) {
      killed = true;
      first.process().signal(SIGKILL);
      const auto message = first.next();
      if (message && std::holds_alternative<control::Seeks>(*message)) introduce(first, second);
    }
    bool done = killed;
    for (Counting& client : clients) {
      if (client.lost) continue;
      client.ask(depth);
      if (const std::string wrong = client.read(); !wrong.empty()) return wrong;
      done = done && (client.lost || (client.moved && client.answered > 20));
    }
    if (done) break;
    if (std::chrono::steady_clock::now() > deadline) return "a client was not answered";
  }
  for (const Counting& client : clients) {
    ++(client.lost ? lost : moved);
  }
  return "";
}

// PREFORKD_KILLS=FIRST:COUNT runs other ones.
TEST(KeeperAtRandomInstants, no_connection_that_moves_has_a_wrong_a_doubled_or_a_lost_reply) {
  unsigned first = 0;
  unsigned count = 60;
  if (const char* const wanted = std::getenv("PREFORKD_KILLS")) {
    ASSERT_EQ(std::sscanf(wanted, "%u:%u", &first, &count), 2) << wanted;
  }
  int moved = 0;
  int lost = 0;
  for (unsigned seed = first; seed < first + count; ++seed) {
    ASSERT_EQ(kill_at_random(seed, moved, lost), "") << "PREFORKD_KILLS=" << seed << ":1";
  }
  RecordProperty("moved", moved);
  RecordProperty("lost", lost);
  EXPECT_GT(moved, 0);
  EXPECT_GT(lost, 0) << "no kill came while a request was in hand";
}

}  // namespace
}  // namespace prefork::test
