// SPDX-License-Identifier: MIT
// Workers that send messages to each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/deadline.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

// A client of one worker, whose slot, generation and pid it knows.
struct ClientOf {
  explicit ClientOf(const std::string& address) : client(address) {
    std::istringstream(client.ask("who")) >> slot >> generation >> pid;
  }
  std::string ask(const std::string& line) { return client.ask(line); }
  bool answers(const std::string& line, const std::string& answer) {
    return eventually([&] { return ask(line) == answer; });
  }

  Client client;
  unsigned slot = 0;
  unsigned generation = 0;
  pid_t pid = 0;
};

class TalkTest : public testing::Test {
 protected:
  explicit TalkTest(unsigned workers = 3, std::vector<std::string> arguments = {})
      : master_({binaries::worker("talks")}, with_workers(workers, std::move(arguments))) {
    master_.wait_ready();
  }

  // A client of that worker, of one of the newest generation.
  ClientOf client_of(unsigned slot, unsigned generation = 1) {
    for (int i = 0; i < 1000; ++i) {
      ClientOf client(master_.address());
      if (client.slot == slot && client.generation == generation) return client;
    }
    throw HarnessError("no client gets to worker " + std::to_string(slot));
  }
  // The place in the log where it began.
  std::size_t reload() {
    const std::size_t mark = master_.log().size();
    master_.signal(SIGHUP);
    master_.log().wait_for("reload done", mark);
    return mark;
  }

  Master master_;
};

TEST_F(TalkTest, each_worker_knows_the_others) {
  EXPECT_TRUE(client_of(0).answers("roster", "1.1 2.1"));
  EXPECT_TRUE(client_of(1).answers("roster", "0.1 2.1"));
  EXPECT_TRUE(client_of(2).answers("roster", "0.1 1.1"));
}

TEST_F(TalkTest, messages_go_to_one_worker_or_to_all_others) {
  ClientOf zero = client_of(0);
  ClientOf one = client_of(1);
  ClientOf two = client_of(2);
  ASSERT_TRUE(zero.answers("roster", "1.1 2.1"));
  EXPECT_EQ(zero.ask("send 2 hello"), "sent");
  EXPECT_TRUE(two.answers("got", "0 hello"));
  EXPECT_EQ(one.ask("got"), "");
  EXPECT_EQ(zero.ask("all good day"), "2");
  EXPECT_TRUE(one.answers("got", "0 good day"));
  EXPECT_TRUE(two.answers("got", "0 good day"));
  EXPECT_EQ(zero.ask("got"), "");
  EXPECT_EQ(zero.ask("send 0 me"), "no-worker");
  EXPECT_EQ(zero.ask("send 7 nobody"), "no-worker");
}

TEST_F(TalkTest, a_pool_that_changes_its_size_changes_the_roster) {
  ClientOf zero = client_of(0);
  ASSERT_TRUE(zero.answers("roster", "1.1 2.1"));
  master_.signal(SIGTTIN);
  EXPECT_TRUE(zero.answers("roster", "1.1 2.1 3.1"));
  for (const char* const roster : {"1.1 2.1", "1.1"}) {
    master_.signal(SIGTTOU);
    EXPECT_TRUE(zero.answers("roster", roster));
  }
}

// Also if it has a keeper, which shares its descriptors.
class TalkWithKeeper : public TalkTest {
 protected:
  TalkWithKeeper() : TalkTest(3, {"--set", "settings.adopt=true"}) {}
};

TEST_F(TalkWithKeeper, a_worker_that_is_killed_leaves_and_its_replacement_comes) {
  ClientOf zero = client_of(0);
  ASSERT_TRUE(zero.answers("roster", "1.1 2.1"));
  const pid_t dead = master_.worker(1);
  const std::size_t mark = master_.log().size();
  kill(dead, SIGSTOP);
  ASSERT_EQ(zero.ask("send 1 lost with it"), "sent");
  kill(dead, SIGKILL);
  ASSERT_NE(master_.worker(1, mark), dead);
  ASSERT_TRUE(zero.answers("roster", "1.1 2.1"));
  EXPECT_TRUE(eventually([&] { return zero.ask("all hello") == "2"; }));
  EXPECT_TRUE(client_of(1).answers("got", "0 hello"));
}

class LoneTalker : public TalkTest {
 protected:
  LoneTalker() : TalkTest(1) {}
};

TEST_F(LoneTalker, a_single_worker_talks_to_nobody) {
  ClientOf zero = client_of(0);
  EXPECT_EQ(zero.ask("roster"), "");
  EXPECT_EQ(zero.ask("all hello"), "0");
}

// Clients stay in the old workers, which drain.
class TalkWhileDraining : public TalkTest {
 protected:
  explicit TalkWhileDraining(std::vector<std::string> more = {}) : TalkTest(2, arguments(std::move(more))) {}
  static std::vector<std::string> arguments(std::vector<std::string> more) {
    for (const char* const each :
         {"settings.drain_idle=keep", "drain_timeout=1min", "reload.soak=1ms", "reload.max_draining=5"}) {
      more.emplace_back("--set");
      more.emplace_back(each);
    }
    return more;
  }
};

TEST_F(TalkWhileDraining, old_and_new_workers_talk_during_a_reload) {
  ClientOf old_zero = client_of(0);
  ClientOf old_one = client_of(1);
  ASSERT_TRUE(old_zero.answers("roster", "1.1"));
  reload();
  ClientOf new_zero = client_of(0, 2);
  ClientOf new_one = client_of(1, 2);
  ASSERT_TRUE(old_zero.answers("roster", "0.2 1.1 1.2"));
  ASSERT_TRUE(new_zero.answers("roster", "0.1 1.1 1.2"));
  EXPECT_EQ(old_zero.ask("send 1 to the younger one"), "sent");
  EXPECT_TRUE(new_one.answers("got", "0 to the younger one"));
  EXPECT_EQ(old_one.ask("got"), "");
  ASSERT_TRUE(new_one.answers("roster", "0.1 0.2 1.1"));
  EXPECT_EQ(new_one.ask("all from the new"), "3");
  EXPECT_TRUE(old_zero.answers("got", "1 from the new"));
  EXPECT_EQ(old_zero.ask("all from the old"), "3");
  EXPECT_TRUE(new_one.answers("got", "0 from the old"));
  old_zero.client.close();
  EXPECT_TRUE(new_zero.answers("roster", "1.1 1.2")) << "it has ended with its last client";
}

// Each worker sends numbers all the time, and looks for gaps in those of the others.
class TalkInNumbers : public TalkWhileDraining {
 protected:
  TalkInNumbers() : TalkWhileDraining({"--set", "settings.numbers=true"}) {}

  // All that these workers have said arrives in each of them, up to the last number.
  static void expect_nothing_lost(std::vector<ClientOf>& clients) {
    std::map<pid_t, std::string> last;
    for (ClientOf& client : clients) last[client.pid] = std::to_string(client.pid) + ':' + client.ask("hush") + ' ';
    for (ClientOf& client : clients) {
      for (const auto& each : last) {
        const std::string& number = each.second;
        if (each.first == client.pid) continue;
        EXPECT_TRUE(eventually([&] { return client.ask("heard").find(number) != std::string::npos; }))
            << client.ask("heard") << ", not " << number;
      }
      EXPECT_THAT(client.ask("heard"), Not(HasSubstr("gap")));
    }
  }
};

TEST_F(TalkInNumbers, nothing_is_lost_over_reloads_and_kills_between_workers_that_live) {
  std::vector<ClientOf> clients;
  clients.push_back(client_of(0));
  clients.push_back(client_of(1));
  reload();
  clients.push_back(client_of(0, 2));
  clients.push_back(client_of(1, 2));
  const std::size_t mark = reload();
  clients.push_back(client_of(0, 3));
  kill(clients[3].pid, SIGKILL);  // drains
  kill(master_.worker(1, mark), SIGKILL);
  clients.erase(clients.begin() + 3);
  expect_nothing_lost(clients);
}

TEST_F(TalkTest, a_worker_that_does_not_read_costs_a_bounded_queue_and_what_is_dropped_is_counted) {
  ClientOf zero = client_of(0);
  ClientOf one = client_of(1);
  ASSERT_TRUE(zero.answers("roster", "1.1 2.1"));
  kill(one.pid, SIGSTOP);
  const int sent = std::stoi(zero.ask("fill 1"));
  EXPECT_GT(sent, 100) << "1 MiB waits";
  EXPECT_LT(sent, 200);
  EXPECT_EQ(zero.ask("send 1 small"), "sent");
  master_.log().wait_for("dropped 1 message to worker 1 (pid " + std::to_string(one.pid) +
                         "), which does not read them in time");
  EXPECT_EQ(zero.ask("send 2 others get theirs"), "sent");
  kill(one.pid, SIGCONT);
  EXPECT_TRUE(one.answers("got", "0 small")) << "and what waited comes";
  EXPECT_EQ(zero.ask("send 1 again"), "sent");
  EXPECT_TRUE(one.answers("got", "0 again"));
}

TEST_F(TalkTest, a_worker_that_ends_sends_what_waits_before) {
  ClientOf zero = client_of(0);
  ClientOf one = client_of(1);
  ASSERT_TRUE(zero.answers("roster", "1.1 2.1"));
  kill(one.pid, SIGSTOP);
  zero.ask("fill 1");
  ASSERT_EQ(zero.ask("send 1 the last"), "sent");
  const std::size_t mark = master_.log().size();
  kill(zero.pid, SIGTERM);
  master_.log().wait_for("drains", mark);
  kill(one.pid, SIGCONT);
  EXPECT_TRUE(one.answers("got", "0 the last"));
}

TEST_F(TalkTest, a_worker_that_hangs_does_not_hold_up_one_that_leaves) {
  ClientOf zero = client_of(0);
  ClientOf one = client_of(1);
  ASSERT_TRUE(zero.answers("roster", "1.1 2.1"));
  kill(one.pid, SIGSTOP);
  zero.ask("fill 1");
  const std::size_t mark = master_.log().size();
  kill(zero.pid, SIGTERM);
  // Not killed at the end of drain_timeout, 30 s.
  master_.log().wait_for("(pid " + std::to_string(zero.pid) + ", generation 1) died: exit status 0 after", mark);
  kill(one.pid, SIGCONT);
}

class Chat : public testing::Test {
 protected:
  Chat() : master_({binaries::example("chat")}, with_workers(3, {"--set", "rebalance=off"})) {
    master_.wait_ready();
    for (int i = 0; i < 30; ++i) {
      clients_.emplace_back(master_.address());
      clients_.back().send("client " + std::to_string(i) + "\n");
    }
  }

  // Says it until all clients have heard the same: workers know each other, and connections arrive, a moment later.
  void expect_all_hear(std::size_t from, const std::string& text) {
    for (int i = 0; i < 10; ++i) {
      const std::string said = text + ' ' + std::to_string(i);
      clients_[from].send(said + '\n');
      const std::string line = "client " + std::to_string(from) + ": " + said;
      if (std::all_of(clients_.begin(), clients_.end(), [&](Client& each) { return hears(each, line); })) return;
    }
    FAIL() << text << " is not heard by all";
  }
  static bool hears(Client& client, const std::string& line) {
    try {
      const Deadline deadline(seconds(2));
      while (client.read_line(deadline) != line) continue;
      return true;
    } catch (const ClientError& error) {
      if (error.kind() == ClientError::Kind::timed_out) return false;
      throw;
    }
  }

  Master master_;
  std::vector<Client> clients_;
};

TEST_F(Chat, goes_on_over_reloads_and_kills) {
  for (std::size_t from = 0; from < clients_.size(); ++from) expect_all_hear(from, "hello");
  const std::size_t reload = master_.log().size();
  master_.signal(SIGHUP);
  master_.log().wait_for("reload done", reload);
  for (std::size_t from = 0; from < clients_.size(); from += 7) expect_all_hear(from, "after a reload");
  const pid_t dead = master_.worker(0, reload);
  const std::size_t death = master_.log().size();
  wait_until_asleep(dead);
  kill(dead, SIGKILL);
  ASSERT_NE(master_.worker(0, death), dead);
  for (std::size_t from = 0; from < clients_.size(); from += 7) expect_all_hear(from, "after a kill");
}

}  // namespace
}  // namespace preforkd::component
