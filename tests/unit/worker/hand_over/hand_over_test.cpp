// SPDX-License-Identifier: MIT
// Connections that move from one worker to another, with a test in the master's place.
#include "worker/hand_over/hand_over.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "unit/worker/hand_over/moving_workers.hpp"

namespace prefork::test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Eq;
using testing::Gt;
using testing::Lt;
namespace transfer = preforkd::transfer;
using Refusal = transfer::Refusal;

class HandOverTest : public testing::Test {
 protected:
  // The first worker has all clients: the second starts later.
  Listener listener_;
  Worker first_{listener_, "first"};
  control::Hello hello_ = first_.expect<control::Hello>();
};

TEST_F(HandOverTest, a_worker_that_leaves_gives_its_connections_with_what_was_kept) {
  EXPECT_EQ(hello_.protocol, control::protocol);
  std::vector<TestClient> clients = log_in(listener_, 200);
  Worker second = start_taker(listener_, "second");
  introduce(first_, second);
  EXPECT_EQ(first_.process().terminate(), 0);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 200U);
  expect_served_by(clients, "second");
  EXPECT_EQ(second.page().connections_adopted.load(), 200U);
  EXPECT_EQ(second.page().connections_total.load(), 0U);
  EXPECT_EQ(second.page().connections.load(), 200U);
  constexpr auto handed_over = static_cast<std::size_t>(CloseReason::handed_over);
  EXPECT_EQ(first_.page().closes_by_reason.at(handed_over).load(), 200U);
}

TEST_F(HandOverTest, the_beginning_of_a_message_goes_along) {
  std::vector<TestClient> clients = log_in(listener_, 1);
  clients[0].send("who\nwh");
  EXPECT_EQ(clients[0].line(), "0 at first");
  Worker second = start_taker(listener_, "second");
  introduce(first_, second);
  EXPECT_EQ(first_.process().terminate(), 0);
  clients[0].send("o\n");
  EXPECT_EQ(clients[0].line(), "0 at second");
}

TEST_F(HandOverTest, what_the_kernel_has_not_delivered_is_answered_by_the_other_worker) {
  std::vector<TestClient> clients = log_in(listener_, 1);
  Worker second = start_taker(listener_, "second");
  first_.process().signal(SIGSTOP);
  introduce(first_, second);
  std::string requests;
  for (int i = 0; i < 10'000; ++i) requests += "who\n";
  clients[0].send(requests);
  first_.process().signal(SIGTERM);
  first_.process().signal(SIGCONT);
  for (int i = 0; i < 10'000; ++i) ASSERT_THAT(clients[0].line(), AnyOf(Eq("0 at first"), Eq("0 at second"))) << i;
  EXPECT_EQ(first_.process().wait(), 0);
  clients[0].send("who\n");
  EXPECT_EQ(clients[0].line(), "0 at second");
}

TEST_F(HandOverTest, a_reply_that_is_owed_comes_first_and_so_does_the_end_of_a_pin) {
  std::vector<TestClient> clients = log_in(listener_, 2);
  Worker second = start_taker(listener_, "second");
  clients[1].send("pin\n");
  EXPECT_EQ(clients[1].line(), "pinned");
  clients[0].send("later\n");
  introduce(first_, second);
  EXPECT_EQ(first_.process().terminate(), 0);
  EXPECT_EQ(clients[0].line(), "late");
  expect_served_by(clients, "second");
}

TEST(HandOverOfOutput, what_a_slow_reader_has_not_taken_goes_along) {
  const Listener listener("@preforkd-hand-over-test-" + std::to_string(::getpid()));
  Worker first(listener, "first");
  first.expect<control::Hello>();
  TestClient client(listener.address);
  client.send("much\n");
  ASSERT_TRUE(wait_for(client.fd(), POLLIN));
  Worker second = start_taker(listener, "second");
  introduce(first, second);
  EXPECT_EQ(first.process().terminate(), 0);
  EXPECT_EQ(first.expect<control::Gave>().moved, 1U);
  EXPECT_EQ(client.line(), std::string(600'000, 'x'));
  client.send("who\n");
  EXPECT_EQ(client.line(), " at second");
}

TEST_F(HandOverTest, a_worker_that_is_full_refuses_and_the_rest_is_drained_if_no_other_takes_it) {
  std::vector<TestClient> clients = log_in(listener_, 3);
  Worker second = start_taker(listener_, "second", [](Server& s) { s.limits(Limits().max_connections(1)); });
  introduce(first_, second);
  first_.process().signal(SIGTERM);
  const auto gave = first_.expect<control::Gave>();
  EXPECT_EQ(gave.moved, 1U);
  EXPECT_EQ(refused(gave, Refusal::full), 0U) << "another one may take them";
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 2U);
  first_.say(control::NoTaker{});
  EXPECT_EQ(refused(first_.expect<control::Gave>(), Refusal::full), 2U);
  EXPECT_EQ(first_.process().wait(), 0);
  int served = 0;
  for (TestClient& client : clients) {
    client.send("who\n");
    if (client.line().find("at second") != std::string::npos) ++served;
  }
  EXPECT_EQ(served, 1);
}

TEST_F(HandOverTest, a_worker_without_descriptors_takes_as_many_as_it_can) {
  std::vector<TestClient> clients = log_in(listener_, 30);
  Worker second = start_taker(listener_, "second", [](Server&) {
    const preforkd::UniqueFd next(::dup(STDERR_FILENO));
    const auto few = static_cast<rlim_t>(next.get()) + 20;
    const rlimit limit{few, few};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  });
  introduce(first_, second);
  first_.process().signal(SIGTERM);
  const auto gave = first_.expect<control::Gave>();
  const std::uint32_t moved = gave.moved;
  EXPECT_THAT(moved, AllOf(Gt(0U), Lt(30U)));
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 30 - moved);
  first_.say(control::NoTaker{});
  EXPECT_EQ(refused(first_.expect<control::Gave>(), Refusal::full), 30 - moved);
  EXPECT_EQ(first_.process().wait(), 0);
  std::uint32_t served = 0;
  for (TestClient& client : clients) {
    client.send("who\n");
    if (client.line().find("at second") != std::string::npos) ++served;
  }
  EXPECT_EQ(served, moved);
}

TEST_F(HandOverTest, a_master_that_does_not_answer_delays_the_drain_only_a_moment) {
  std::vector<TestClient> clients = log_in(listener_, 2);
  Worker second = start_taker(listener_, "second", [](Server& s) { s.limits(Limits().max_connections(1)); });
  introduce(first_, second);
  EXPECT_EQ(first_.process().terminate(), 0);
}

// The window bounds what the dead one could have had.
TEST_F(HandOverTest, what_a_taker_that_died_had_not_taken_goes_to_another) {
  std::vector<TestClient> clients = log_in(listener_, 200);
  Worker second = start_taker(listener_, "second");
  second.process().signal(SIGSTOP);
  introduce(first_, second);
  first_.process().signal(SIGTERM);
  second.process().signal(SIGKILL);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 0U);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 200U);
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  EXPECT_EQ(first_.process().wait(), 0);
  expect_served_by(clients, "third");
}

// Two workers that read from one client would be worse than any closed connection. It learns that it is too late from
// the first one.
TEST_F(HandOverTest, a_taker_that_wakes_up_too_late_takes_nothing) {
  std::vector<TestClient> clients = log_in(listener_, 100);
  Output output;
  const int err = output.write_end.get();
  Worker second = start_taker(listener_, "second", [err](Server& s) {
    s.on_adopt([err](Connection&, std::string_view) { ::dprintf(err, "adopted\n"); });
  });
  output.write_end.reset();
  second.process().signal(SIGSTOP);
  introduce(first_, second);
  first_.process().signal(SIGTERM);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 0U);
  first_.expect<control::Seeks>();
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  second.process().signal(SIGCONT);
  EXPECT_EQ(first_.process().wait(), 0);
  for (int round = 0; round < 5; ++round) expect_served_by(clients, "third");
  EXPECT_EQ(second.page().connections_adopted.load(), 0U);
  EXPECT_EQ(second.process().terminate(), 0);
  EXPECT_EQ(output.text(), "adopted\n");
}

TEST_F(HandOverTest, a_worker_that_stays_gives_only_as_many_as_it_is_told) {
  std::vector<TestClient> clients = log_in(listener_, 5);
  clients[0].send("wh");
  Worker second = start_taker(listener_, "second");
  introduce(first_, second, 2);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 2U);
  int moved = 0;
  for (TestClient& client : clients) {
    client.send(&client == &clients[0] ? "o\n" : "who\n");
    if (client.line().find("second") != std::string::npos) ++moved;
  }
  EXPECT_EQ(moved, 2);
}

TEST_F(HandOverTest, a_worker_that_leaves_by_itself_asks_for_a_taker) {
  std::vector<TestClient> clients = log_in(listener_, 20);
  Worker second = start_taker(listener_, "second");
  first_.process().signal(SIGTERM);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 20U);
  introduce(first_, second);
  EXPECT_EQ(first_.process().wait(), 0);
  expect_served_by(clients, "second");
}

TEST_F(HandOverTest, a_worker_that_is_asked_to_leave_while_it_gives_some_then_gives_all) {
  std::vector<TestClient> clients = log_in(listener_, 5);
  await_rest(first_);
  Worker second = start_taker(listener_, "second");
  Worker third = start_taker(listener_, "third");
  second.process().signal(SIGSTOP);
  introduce(first_, second, 2);
  introduce(first_, third);
  first_.process().signal(SIGTERM);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 0U);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 5U);
  EXPECT_EQ(first_.process().wait(), 0);
  second.process().signal(SIGCONT);
  expect_served_by(clients, "third");
}

TEST_F(HandOverTest, without_a_taker_a_worker_drains_at_once) {
  std::vector<TestClient> clients = log_in(listener_, 2);
  first_.process().signal(SIGTERM);
  first_.expect<control::Seeks>();
  first_.say(control::NoTaker{});
  EXPECT_EQ(first_.process().wait(), 0);
  EXPECT_EQ(clients[0].rest(), "<eof>");
}

TEST_F(HandOverTest, a_master_that_ends_meanwhile_stops_nothing) {
  std::vector<TestClient> clients = log_in(listener_, 100);
  Worker second = start_taker(listener_, "second");
  second.process().signal(SIGSTOP);
  introduce(first_, second);
  first_.process().signal(SIGTERM);
  first_.forsake();
  EXPECT_EQ(first_.process().wait(), 0);
  second.process().signal(SIGCONT);
}

// The test in the taker's place.
class HandTaker {
 public:
  HandTaker() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
      throw std::runtime_error("socketpair");
    }
    socket_.reset(ends[0]);
    givers_end_.reset(ends[1]);
  }
  preforkd::UniqueFd take_givers_end() { return std::move(givers_end_); }
  // Its serial.
  std::uint32_t connection() {
    next();
    fds_.push_back(std::move(packet_.fd));
    return transfer::read_connection(packet_.bytes).value().serial;
  }
  transfer::Amendment amendment() {
    next();
    return transfer::read_amendment(packet_.bytes).value();
  }
  void answer(transfer::Type type, std::uint32_t serial) {
    const transfer::Answer answer{.type = type, .serial = serial};
    ASSERT_EQ(preforkd::send_packet(socket_.get(), {transfer::bytes_of(answer)}), preforkd::PacketSent::sent);
  }
  // The connections that it has stay open.
  void die() { socket_.reset(); }

 private:
  void next() {
    if (!wait_for(socket_.get(), POLLIN) ||
        preforkd::receive_packet(socket_.get(), buffer_, packet_) != preforkd::PacketReceived::packet) {
      throw std::runtime_error("the giver sends nothing");
    }
  }

  std::vector<char> buffer_ = std::vector<char>(transfer::max_packet_bytes);
  preforkd::Packet packet_;
  preforkd::UniqueFd socket_;
  preforkd::UniqueFd givers_end_;
  std::vector<preforkd::UniqueFd> fds_;
};

// A worker whose program writes to all clients, closes some and changes what is kept of others, while they are on their
// way: the taker is stopped. "shout" comes from a client that stays.
class HandOverMeanwhile : public testing::Test {
 protected:
  HandOverMeanwhile() {
    EXPECT_EQ(::pipe2(go_.data(), O_CLOEXEC), 0);
    first_.emplace(listener_, "first", [go = go_[0]](Server& s) { cry(s, go); });
    first_->expect<control::Hello>();
    clients_ = log_in(listener_, 4);
    await_rest(*first_);
    second_.emplace(start_taker(listener_, "second"));
    second_->process().signal(SIGSTOP);
    introduce(*first_, *second_, 4);
    crier_.emplace(listener_.address);
  }
  ~HandOverMeanwhile() override {
    for (const int fd : go_) ::close(fd);
  }

  // "shout now", or "shout" when it is told to. "wait" does nothing until then.
  static void cry(Server& server, int go) {
    server.on_message([go, users = std::vector<ConnectionRef>()](Connection& c, std::string_view line) mutable {
      char byte = 0;
      if ((line == "shout" || line == "wait") && ::read(go, &byte, 1) != 1) throw std::runtime_error("pipe");
      if (line == "wait") return c.send("waited");
      if (line.substr(0, 5) == "shout") {
        for (const ConnectionRef& user : users) user.get()->send(std::string(loud_, '!'));
        users.at(2).get()->keep("somebody else");
        users.at(3).get()->close_after_flush();
        return c.send("done");
      }
      users.emplace_back(c);
      c.keep(line.substr(5));
      c.send({"hello ", line.substr(5)});
    });
  }

  // What was shouted came in one piece, and all that the program did had its effect.
  void expect_all_of_it(const std::string& worker) {
    for (TestClient& client : clients_) EXPECT_EQ(client.line(), std::string(loud_, '!'));
    EXPECT_EQ(clients_[3].rest(), "<eof>");
    clients_.pop_back();
    for (TestClient& client : clients_) client.send("who\n");
    EXPECT_EQ(clients_[0].line(), "0 at " + worker);
    EXPECT_EQ(clients_[1].line(), "1 at " + worker);
    EXPECT_EQ(clients_[2].line(), "somebody else at " + worker);
  }

  static constexpr std::size_t loud_ = 1'500'000;
  Listener listener_;
  std::array<int, 2> go_{};
  std::optional<Worker> first_;
  std::optional<Worker> second_;
  std::vector<TestClient> clients_;
  std::optional<TestClient> crier_;
};

TEST_F(HandOverMeanwhile, what_the_program_does_follows_the_connection) {
  crier_->send("shout now\n");
  EXPECT_EQ(crier_->line(), "done");
  second_->process().signal(SIGCONT);
  EXPECT_EQ(first_->expect<control::Gave>().moved, 4U);
  expect_all_of_it("second");
  constexpr auto by_server = static_cast<std::size_t>(CloseReason::closed_by_server);
  EXPECT_EQ(second_->page().closes_by_reason.at(by_server).load(), 1U);
}

TEST_F(HandOverMeanwhile, no_reply_of_the_taker_comes_in_between) {
  crier_->send("shout now\n");
  EXPECT_EQ(crier_->line(), "done");
  for (TestClient& client : clients_) client.send("who\n");
  second_->process().signal(SIGCONT);
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<std::string> lines{clients_[i].line(), clients_[i].line()};
    EXPECT_THAT(lines, testing::UnorderedElementsAre(std::string(loud_, '!'), std::to_string(i) + " at second"));
  }
}

TEST_F(HandOverMeanwhile, a_connection_that_comes_back_has_all_of_it) {
  crier_->send("shout now\n");
  EXPECT_EQ(crier_->line(), "done");
  second_->process().signal(SIGKILL);
  EXPECT_EQ(first_->expect<control::Gave>().moved, 0U);
  for (TestClient& client : clients_) EXPECT_EQ(client.line(), std::string(loud_, '!'));
  EXPECT_EQ(clients_[3].rest(), "<eof>");
}

// The giver's program is in the middle of it when it could read Taken.
TEST_F(HandOverMeanwhile, a_connection_does_not_go_on_before_the_taker_knows_it) {
  crier_->send("shout\n");
  await_rest(*first_);
  second_->process().signal(SIGCONT);
  clients_[0].send("who\n");
  EXPECT_EQ(clients_[0].line(), "0 at second");
  Worker third = start_taker(listener_, "third");
  introduce(*second_, third);
  second_->process().signal(SIGTERM);
  ASSERT_EQ(::write(go_[1], "g", 1), 1);
  EXPECT_EQ(second_->process().wait(), 0);
  expect_all_of_it("third");
}

// A successor must not revive a login that was revoked.
TEST_F(HandOverMeanwhile, a_connection_ends_if_its_taker_dies_before_it_knows_it) {
  crier_->send("shout\n");
  await_rest(*first_);
  second_->process().signal(SIGCONT);
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].send("who\n");
    EXPECT_EQ(clients_[i].line(), std::to_string(i) + " at second");
  }
  await_rest(*second_);
  second_->process().signal(SIGKILL);
  EXPECT_EQ(second_->expect<control::Seeks>().connections, 4U);
  Worker third = start_taker(listener_, "third");
  introduce(*second_, third);
  ASSERT_EQ(::write(go_[1], "g", 1), 1);
  for (TestClient& client : clients_) EXPECT_EQ(client.rest(), "<eof>");
}

TEST_F(HandOverMeanwhile, a_connection_to_which_nothing_was_done_outlives_a_taker_that_dies_before_it_knows_that) {
  crier_->send("wait\n");
  await_rest(*first_);
  second_->process().signal(SIGCONT);
  expect_served_by(clients_, "second");
  await_rest(*second_);
  second_->process().signal(SIGKILL);
  EXPECT_EQ(second_->expect<control::Seeks>().connections, 4U);
  ASSERT_EQ(::write(go_[1], "g", 1), 1);
  EXPECT_EQ(crier_->line(), "waited");
  EXPECT_EQ(first_->expect<control::Gave>().moved, 4U);
  Worker third = start_taker(listener_, "third");
  introduce(*second_, third);
  expect_served_by(clients_, "third");
}

TEST_F(HandOverMeanwhile, a_giver_that_dies_did_nothing_more) {
  crier_->send("shout\n");
  await_rest(*first_);
  second_->process().signal(SIGCONT);
  clients_[0].send("who\n");
  EXPECT_EQ(clients_[0].line(), "0 at second");
  first_->process().signal(SIGKILL);
  Worker third = start_taker(listener_, "third");
  introduce(*second_, third);
  EXPECT_EQ(second_->process().terminate(), 0);
  expect_served_by(clients_, "third");
}

// The test in the taker's place has taken them, and is gone before it could know.
TEST_F(HandOverMeanwhile, a_client_of_which_the_taker_will_not_know_everything_sees_the_end) {
  HandTaker taker;
  second_->process().signal(SIGKILL);
  EXPECT_EQ(first_->expect<control::Gave>().moved, 0U);
  await_rest(*first_);
  first_->say(control::Give{4}, taker.take_givers_end().get());
  std::vector<std::uint32_t> serials;
  for (int i = 0; i < 4; ++i) serials.push_back(taker.connection());
  crier_->send("shout\n");
  await_rest(*first_);
  for (const std::uint32_t serial : serials) taker.answer(transfer::Type::taken, serial);
  taker.die();
  ASSERT_EQ(::write(go_[1], "g", 1), 1);
  for (TestClient& client : clients_) EXPECT_EQ(client.rest(), "<eof>");
}

// It takes three seconds for what it is told, while nothing is to be answered any more.
TEST(HandOverApplication, that_is_slow_to_hear_of_changes_is_waited_for) {
  const Listener listener;
  Worker first(listener, "first", [](Server& server) {
    server.on_message([users = std::vector<ConnectionRef>()](Connection& c, std::string_view line) mutable {
      if (line == "shout") {
        for (const ConnectionRef& user : users) {
          user.get()->send(std::string(50'000, '!'));
          user.get()->keep("changed");
        }
        return c.send("done");
      }
      users.emplace_back(c);
      c.send({"hello ", line.substr(5)});
    });
  });
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 60);
  await_rest(first);
  Worker second = start_taker(listener, "second", [](Server& s) {
    s.on_adopt([](Connection&, std::string_view state) {
      if (state == "changed") ::poll(nullptr, 0, 50);
    });
  });
  second.process().signal(SIGSTOP);
  introduce(first, second, 60);
  TestClient crier(listener.address);
  crier.send("shout\n");
  EXPECT_EQ(crier.line(), "done");
  second.process().signal(SIGCONT);
  EXPECT_EQ(first.expect<control::Gave>().moved, 60U);
  for (TestClient& client : clients) EXPECT_EQ(client.line(), std::string(50'000, '!'));
}

TEST_F(HandOverTest, those_that_no_other_worker_takes_are_counted_once) {
  std::vector<TestClient> clients = log_in(listener_, 4);
  await_rest(first_);
  Worker second = start_taker(listener_, "second", [](Server& s) {
    s.limits(Limits().max_connections(2));
    s.on_adopt([](Connection&, std::string_view state) {
      if (state == "1") throw std::runtime_error("no");
    });
  });
  for (TestClient& client : clients) client.send("wh");  // so that the first worker keeps them
  introduce(first_, second);
  first_.process().signal(SIGTERM);
  const auto gave = first_.expect<control::Gave>();
  EXPECT_EQ(gave.moved, 2U);
  EXPECT_EQ(refused(gave, Refusal::failed), 1U);
  EXPECT_EQ(refused(gave, Refusal::full), 0U);
  first_.expect<control::Seeks>();
  introduce(first_, second);
  EXPECT_EQ(first_.expect<control::Gave>().refused, transfer::RefusalCounts{});
  first_.expect<control::Seeks>();
  first_.say(control::NoTaker{});
  const auto left = first_.expect<control::Gave>();
  EXPECT_EQ(refused(left, Refusal::full), 1U);
  EXPECT_EQ(refused(left, Refusal::failed), 0U);
}

TEST_F(HandOverTest, those_that_have_come_back_outlive_their_worker) {
  std::vector<TestClient> clients = log_in(listener_, 5);
  Worker second = start_taker(listener_, "second");
  second.process().signal(SIGSTOP);
  introduce(first_, second);
  first_.process().signal(SIGTERM);
  second.process().signal(SIGKILL);
  EXPECT_EQ(first_.expect<control::Gave>().moved, 0U);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 5U);
  await_rest(first_);
  first_.process().signal(SIGKILL);
  EXPECT_EQ(first_.expect<control::Seeks>().connections, 5U);
  Worker third = start_taker(listener_, "third");
  introduce(first_, third);
  expect_served_by(clients, "third");
}

// A taker, with the test as its giver.
class HandOverByHand : public testing::Test {
 protected:
  HandOverByHand() {
    EXPECT_TRUE(wait_for(elsewhere_.fd.get(), POLLIN));
    fd_.reset(::accept4(elsewhere_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    const preforkd::UniqueFd takers(ends[0]);
    giver_.reset(ends[1]);
    taker_.say(control::Take{}, takers.get());
  }

  void send_connection(std::uint32_t serial, std::uint32_t state_bytes, std::string_view state) {
    constexpr std::string_view name = "unknown";  // of a socket without LISTEN_FDNAMES
    transfer::Connection connection{.serial = serial, .listener_bytes = name.size(), .state_bytes = state_bytes};
    connection.is_tcp = connection.amended = 1;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    connection.input_since = std::chrono::nanoseconds(now).count();
    send(connection, std::string(name) += state);
  }
  template <class T>
  void send(const T& header, std::string_view payload) {
    ASSERT_EQ(preforkd::send_packet(giver_.get(), {transfer::bytes_of(header), payload}, fd_.get()),
              preforkd::PacketSent::sent);
  }
  void expect_taken(std::uint32_t serial) {
    std::array<char, 64> buffer{};
    preforkd::Packet packet;
    ASSERT_TRUE(wait_for(giver_.get(), POLLIN));
    ASSERT_EQ(preforkd::receive_packet(giver_.get(), buffer, packet), preforkd::PacketReceived::packet);
    const auto answer = transfer::read_answer(packet.bytes);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->type, transfer::Type::taken);
    EXPECT_EQ(answer->serial, serial);
  }

  Listener listener_;
  Listener elsewhere_;
  TestClient client_{elsewhere_.address};
  Worker taker_ = start_taker(listener_, "taker");
  preforkd::UniqueFd fd_;
  preforkd::UniqueFd giver_;
};

// A giver does so when it ends while a part of a connection is sent.
TEST_F(HandOverByHand, a_message_that_begins_replaces_one_that_was_not_complete) {
  send_connection(1, 100, "half of it");
  send(transfer::Amendment{.serial = 9, .state_bytes = 100}, "half of it");
  send_connection(2, 4, "user");
  expect_taken(2);
  client_.send("who\n");
  EXPECT_EQ(client_.line(), "user at taker");
}

TEST_F(HandOverByHand, a_taker_that_was_given_up_still_learns_of_what_it_has) {
  send_connection(1, 4, "user");
  expect_taken(1);
  ASSERT_EQ(::shutdown(giver_.get(), SHUT_RD), 0);
  for (std::uint32_t serial = 2; serial < 10; ++serial) send_connection(serial, 4, "late");
  send(transfer::Amendment{.serial = 1, .state_bytes = 8, .output_bytes = 5, .keeps = 1}, "somebodynews\n");
  EXPECT_EQ(client_.line(), "news");
  client_.send("who\n");
  EXPECT_EQ(client_.line(), "somebody at taker");
}

TEST(HandOverApplication, learns_which_version_has_kept_the_state) {
  const Listener listener;
  Worker first(listener, "first", [](Server& s) { s.state_version(7); });
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 1);
  Worker second = start_taker(listener, "second", [](Server& s) {
    s.state_version(8).on_adopt([](Connection& c, std::string_view state, unsigned version) {
      c.set_data<std::string>(std::string(state) + " of version " + std::to_string(version));
    });
  });
  introduce(first, second);
  EXPECT_EQ(first.process().terminate(), 0);
  clients[0].send("who\n");
  EXPECT_EQ(clients[0].line(), "0 of version 7 at second");
  // It has kept nothing of its own: the state is still that of the first.
  Worker third = start_taker(listener, "third", [](Server& s) {
    s.state_version(9).on_adopt([](Connection& c, std::string_view state, unsigned version) {
      c.set_data<std::string>(std::string(state) + " of version " + std::to_string(version));
    });
  });
  introduce(second, third);
  EXPECT_EQ(second.process().terminate(), 0);
  clients[0].send("who\n");
  EXPECT_EQ(clients[0].line(), "0 of version 7 at third");
}

TEST(HandOverApplication, learns_that_nothing_was_kept_also_where_another_client_had_the_descriptor) {
  const Listener listener;
  Worker first(listener, "first", [](Server& s) { s.state_version(7); });
  first.expect<control::Hello>();
  log_in(listener, 1).clear();
  TestClient client(listener.address);
  client.send("who\n");
  EXPECT_EQ(client.line(), "nobody at first");
  Worker second = start_taker(listener, "second", [](Server& s) {
    s.on_adopt([](Connection& c, std::string_view state, unsigned version) {
      c.set_data<std::string>('"' + std::string(state) + "\" of version " + std::to_string(version));
    });
  });
  introduce(first, second);
  EXPECT_EQ(first.process().terminate(), 0);
  client.send("who\n");
  EXPECT_EQ(client.line(), "\"\" of version 0 at second");
}

TEST(HandOverApplication, may_answer_in_on_adopt_and_is_told_what_it_gave) {
  const Listener listener;
  Output output;
  const auto tell = [](Server& s) {
    s.on_close([](Connection& c, CloseReason why) {
      ::dprintf(STDERR_FILENO, "%s %s %d\n", std::string(to_string(why)).c_str(), c.peer().substr(0, 9).c_str(),
                c.data<std::string>() != nullptr ? 1 : 0);
    });
  };
  const int err = output.write_end.get();
  Worker first(listener, "first", [tell, err](Server& s) {
    ::dup2(err, STDERR_FILENO);
    tell(s);
  });
  output.write_end.reset();
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 1);
  Worker second = start_taker(listener, "second", [](Server& s) {
    s.on_adopt([](Connection& c, std::string_view state) { c.send({"welcome back, ", state, " of ", c.peer()}); });
    s.on_connect([](Connection& c) { c.send("on_connect"); });
  });
  introduce(first, second);
  EXPECT_EQ(first.process().terminate(), 0);
  EXPECT_THAT(clients[0].line(), testing::StartsWith("welcome back, 0 of 127.0.0.1:"));
  EXPECT_EQ(output.text(), "handed-over 127.0.0.1 1\n");
}

// Nothing that it has sent before it threw goes out.
TEST(HandOverApplication, that_throws_in_on_adopt_leaves_that_connection_where_it_was) {
  const Listener listener;
  Worker first(listener, "first");
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 3);
  Output output;
  const int err = output.write_end.get();
  Worker second = start_taker(listener, "second", [err](Server& s) {
    s.on_adopt([err](Connection& c, std::string_view state) {
      ::dup2(err, STDERR_FILENO);
      c.send("welcome back");
      if (state == "1") throw std::runtime_error("no");
      c.set_data<std::string>(state);
    });
    s.on_close([err](Connection&, CloseReason why) { ::dprintf(err, "%s\n", std::string(to_string(why)).c_str()); });
  });
  output.write_end.reset();
  introduce(first, second, 100);
  const auto gave = first.expect<control::Gave>();
  EXPECT_EQ(gave.moved, 2U);
  EXPECT_EQ(refused(gave, Refusal::failed), 1U);
  clients[1].send("who\n");
  EXPECT_EQ(clients[1].line(), "1 at first");
  EXPECT_EQ(clients[2].line(), "welcome back");
  clients[2].send("who\n");
  EXPECT_EQ(clients[2].line(), "2 at second");
  EXPECT_EQ(second.page().connections, 2U);
  EXPECT_EQ(second.page().closes_by_reason[static_cast<std::size_t>(CloseReason::handed_over)], 0U);
  EXPECT_EQ(second.process().terminate(), 0);
  EXPECT_THAT(output.text(), testing::ContainsRegex("on_adopt: no.*\nhanded-over\n"));
}

// It may be the connection that kills it.
TEST(HandOverApplication, that_dies_in_on_adopt_leaves_all_that_it_has_not_taken) {
  const Listener listener;
  Worker first(listener, "first");
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 3);
  Worker second = start_taker(listener, "second", [](Server& s) {
    s.on_adopt([](Connection& c, std::string_view) {
      c.keep("changed");
      c.send("welcome back");
      ::raise(SIGKILL);
    });
  });
  introduce(first, second, 100);
  EXPECT_EQ(first.expect<control::Gave>().moved, 0U);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].send("who\n");
    EXPECT_EQ(clients[i].line(), std::to_string(i) + " at first");
  }
}

// A client of the taker asks while the first on_adopt runs.
TEST(HandOverApplication, that_is_slow_in_on_adopt_delays_its_own_clients_by_few_calls_of_it) {
  const Listener listener;
  Worker first(listener, "first");
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 30);
  await_rest(first);
  first.process().signal(SIGSTOP);
  std::array<int, 2> tell{};
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe2(tell.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(go.data(), O_CLOEXEC), 0);
  Worker second = start_taker(listener, "second", [tell, go](Server& s) {
    const auto adopted = std::make_shared<int>(0);
    s.on_message([adopted](Connection& c, std::string_view) { c.send(std::to_string(*adopted)); });
    s.on_adopt([adopted, tell, go](Connection&, std::string_view) {
      char byte = 0;
      if (++*adopted == 1 && (::write(tell[1], "a", 1) != 1 || ::read(go[0], &byte, 1) != 1)) {
        throw std::runtime_error("pipe");
      }
      ::poll(nullptr, 0, 5);
    });
  });
  TestClient own(listener.address);
  own.send("how many\n");
  EXPECT_EQ(own.line(), "0");
  first.process().signal(SIGCONT);
  introduce(first, second, 30);
  ASSERT_TRUE(wait_for(tell[0], POLLIN));
  await_rest(first);
  own.send("how many\n");
  ASSERT_EQ(::write(go[1], "g", 1), 1);
  EXPECT_LT(std::stoi(own.line()), 4);
  EXPECT_EQ(first.expect<control::Gave>().moved, 30U);
  for (const int fd : {tell[0], tell[1], go[0], go[1]}) ::close(fd);
}

// The first one may have been killed for another reason.
TEST(HandOverApplication, that_dies_twice_of_one_connection_is_not_given_it_again) {
  const Listener listener;
  Worker first(listener, "first");
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 5);
  for (TestClient& client : clients) client.send("wh");  // so that the first worker keeps what is not taken
  await_rest(first);
  first.process().signal(SIGTERM);
  std::uint32_t moved = 0;
  std::uint32_t failed = 0;
  Worker takers[] = {start_taker(listener, "a", dies_of("2")), start_taker(listener, "b", dies_of("2")),
                     start_taker(listener, "c", dies_of("2"))};
  for (Worker& taker : takers) {
    first.expect<control::Seeks>();
    introduce(first, taker);
    // The last one has taken what it gets.
    if (&taker == &takers[2]) clients[2].send("o\n");
    const auto gave = first.expect<control::Gave>();
    moved += gave.moved;
    failed += refused(gave, Refusal::failed);
  }
  EXPECT_EQ(moved, 4U);
  EXPECT_EQ(failed, 1U);
  for (Worker& taker : takers) EXPECT_EQ(taker.page().connections, taker.page().connections_adopted);
  EXPECT_EQ(clients[2].line(), "2 at first");
  EXPECT_EQ(clients[2].rest(), "<eof>");
  clients[4].send("o\n");
  EXPECT_EQ(clients[4].line(), "4 at c");
  EXPECT_EQ(first.process().wait(), 0);
}

// It gives some, stays, and learns in two tries of which connection its takers die.
TEST(HandOverApplication, that_has_died_twice_of_one_connection_is_not_given_it_at_the_next_reload) {
  const Listener listener;
  Worker first(listener, "first");
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 3);
  std::list<Worker> takers;
  for (const char* const name : {"a", "b", "c"}) takers.push_back(start_taker(listener, name, dies_of("1")));
  auto taker = takers.begin();
  for (const std::uint32_t moved : {1U, 0U}) {
    await_rest(first);
    introduce(first, *taker++, 3);
    EXPECT_EQ(first.expect<control::Gave>().moved, moved);
  }
  await_rest(first);
  introduce(first, *taker);
  EXPECT_EQ(first.process().terminate(), 0);
  EXPECT_EQ(clients[1].rest(), "<eof>");
  clients[2].send("who\n");
  EXPECT_EQ(clients[2].line(), "2 at c");
}

TEST(HandOverApplication, that_has_died_twice_of_one_connection_never_gets_it) {
  const Listener listener;
  Worker first(listener, "first");
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 3);
  std::list<Worker> takers;
  for (const char* const name : {"a", "b", "c", "d"}) takers.push_back(start_taker(listener, name, dies_of("1")));
  auto taker = takers.begin();
  for (const std::uint32_t moved : {1U, 0U, 1U}) {
    await_rest(first);
    introduce(first, *taker++, 3);
    EXPECT_EQ(first.expect<control::Gave>().moved, moved);
  }
  clients[2].send("who\n");
  EXPECT_EQ(clients[2].line(), "2 at c");
  clients[1].send("who\n");
  EXPECT_EQ(clients[1].line(), "1 at first");
  // Its keeper knows it, too.
  await_rest(first);
  first.process().signal(SIGKILL);
  EXPECT_EQ(first.expect<control::Gave>().closed, 1U);
  EXPECT_EQ(clients[1].rest(), "<reset>");
}

// A chat says who leaves: to the one that is on its way, when the other one is gone.
TEST(HandOverApplication, is_waited_for_until_it_knows_the_last_change) {
  const Listener listener;
  Worker first(listener, "first", [](Server& server) {
    const auto users = std::make_shared<std::vector<ConnectionRef>>();
    server.on_connect([users](Connection& c) { users->emplace_back(c); });
    server.on_close([users](Connection&, CloseReason) {
      if (Connection* const other = users->back().get()) other->send("bye");
    });
  });
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 2);
  HandTaker taker;
  first.say(control::Give{}, taker.take_givers_end().get());
  first.process().signal(SIGTERM);
  const std::uint32_t serials[] = {taker.connection(), taker.connection()};
  taker.answer(transfer::Type::taken, serials[0]);
  const auto nothing = taker.amendment();
  EXPECT_EQ(nothing.serial, serials[0]);
  EXPECT_EQ(nothing.output_bytes, 0U);
  taker.answer(transfer::Type::taken, serials[1]);
  EXPECT_EQ(taker.amendment().output_bytes, 4U);
  taker.die();
  EXPECT_EQ(clients[1].rest(), "<eof>") << "it does not know that the giver has sent something";
  EXPECT_EQ(first.process().wait(), 0);
}

// It reads what is kept from memory that is not there.
TEST(HandOverApplication, that_dies_while_it_keeps_leaves_no_half_of_it) {
  const Listener listener;
  Worker first(listener, "first", [](Server& server) {
    server.on_message([user = ConnectionRef()](Connection& c, std::string_view line) mutable {
      if (line == "die") user.get()->keep({nullptr, 100});
      user = ConnectionRef(c);
      c.keep(line);
      c.send({"hello ", line.substr(5)});
    });
  });
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 1);
  await_rest(first);
  HandTaker taker;
  first.say(control::Give{1}, taker.take_givers_end().get());
  static_cast<void>(taker.connection());
  TestClient other(listener.address);
  other.send("die\n");
  taker.die();
  EXPECT_EQ(clients[0].rest(), "<reset>");
}

TEST(HandOverApplication, cannot_keep_more_than_the_limit) {
  const Listener listener;
  Worker worker(listener, "first",
                [](Server& s) {
                  s.on_message([](Connection& c, std::string_view line) {
                    try {
                      c.keep(std::string(std::stoul(std::string(line)), 'k'));
                      c.send("kept");
                    } catch (const std::length_error& error) {
                      c.send(error.what());
                    }
                  });
                },
                {{"PREFORK_SETTINGS", R"({"max_kept_state": "100B"})"}});
  TestClient client(listener.address);
  client.send("100\n101\n");
  EXPECT_EQ(client.line(), "kept");
  EXPECT_EQ(client.line(), "Connection::keep: the state has 101 bytes, more than max_kept_state: 100");
}

TEST(HandOverApplication, without_on_adopt_or_against_the_config_says_no_hello) {
  const Listener listener;
  Worker silent(listener, "first", [](Server& s) { s.on_adopt(std::function<void(Connection&, std::string_view)>()); });
  Worker forbidden(listener, "second", {}, {{"PREFORK_SETTINGS", R"({"move_connections": false})"}});
  for (Worker* worker : {&silent, &forbidden}) {
    TestClient client(listener.address);
    client.send("who\n");
    client.line();
    EXPECT_FALSE(worker->next(milliseconds(0)));
  }
}

TEST(HandOverOfListeners, a_connection_of_a_listener_that_the_taker_lacks_is_drained) {
  const Listener listener;
  Worker first(listener, "first", {}, {{"LISTEN_FDNAMES", "old"}});
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 2);
  Worker second(listener, "second", {}, {{"LISTEN_FDNAMES", "new"}});
  second.expect<control::Hello>();
  introduce(first, second);
  EXPECT_EQ(first.process().terminate(), 0);
  const auto gave = first.expect<control::Gave>();
  EXPECT_EQ(gave.moved, 0U);
  EXPECT_EQ(refused(gave, Refusal::listener), 2U);
  EXPECT_EQ(clients[0].rest(), "<eof>");
}

// Its only socket is of that service.
class HandOverOfAnotherService : public testing::Test {
 protected:
  static void add_admin(Server& server) {
    Service admin = server.service("admin");
    admin.framing(Framing::lines());
    admin.on_message([](Connection& c, std::string_view line) { c.send({"admin: ", line}); });
  }
  void ask() {
    client_.send("who\n");
    EXPECT_EQ(client_.line(), "admin: who");
  }

  Listener listener_;
  Worker first_{listener_, "first", add_admin, {{"LISTEN_FDNAMES", "admin"}}};
  control::Hello hello_ = first_.expect<control::Hello>();
  TestClient client_{listener_.address};
};

TEST_F(HandOverOfAnotherService, a_connection_that_can_never_move_is_drained) {
  ask();
  Worker second = start_taker(listener_, "second");
  introduce(first_, second);
  EXPECT_EQ(first_.process().terminate(), 0);
  EXPECT_EQ(client_.rest(), "<eof>");
}

TEST(HandOverOfListeners, what_one_taker_refuses_is_served_on_if_idle_connections_are_kept) {
  const Listener listener;
  Worker first(listener, "first", [](Server& s) { s.limits(Limits().drain_idle(DrainIdle::keep)); });
  first.expect<control::Hello>();
  std::vector<TestClient> clients = log_in(listener, 2);
  Worker second = start_taker(listener, "second", [](Server& s) {
    s.on_adopt([](Connection&, std::string_view state) {
      if (state == "0") throw std::runtime_error("no");
    });
  });
  introduce(first, second);
  first.process().signal(SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (second.page().connections_adopted == 0) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  clients[0].send("who\n");
  EXPECT_EQ(clients[0].line(), "0 at first");
  ::shutdown(clients[0].fd(), SHUT_WR);
  EXPECT_EQ(first.process().wait(), 0);
}

// The client has not said anything, and its first message is not waited for any longer.
TEST(HandOverApplication, that_pins_a_silent_client_costs_no_time) {
  const Listener listener;
  Worker first(listener, "first", [](Server& s) {
    s.limits(Limits().first_message_grace(milliseconds(1)));
    s.on_connect([](Connection& c) {
      c.pin();
      c.send("pinned");
    });
  });
  first.expect<control::Hello>();
  TestClient client(listener.address);
  EXPECT_EQ(client.line(), "pinned");
  HandTaker taker;
  first.say(control::Give{}, taker.take_givers_end().get());
  first.process().signal(SIGTERM);
  EXPECT_FALSE(wait_for(client.fd(), POLLIN, milliseconds(50)));
  const long waits = first.process().waits();
  EXPECT_FALSE(wait_for(client.fd(), POLLIN, milliseconds(200)));
  EXPECT_LT(first.process().waits() - waits, 20);
}

TEST(FramingFingerprint, differs_where_bytes_are_split_in_another_way) {
  const auto of = [](const Framing& framing, const std::string& name) {
    std::list<internal::ServiceSetup> services(1);
    services.front().framing = framing;
    services.front().name = name;
    return internal::framing_fingerprint(services);
  };
  const auto lines = of(Framing::lines(), "");
  EXPECT_EQ(lines, of(Framing::lines(), ""));
  EXPECT_NE(lines, of(Framing::raw(), ""));
  EXPECT_NE(lines, of(Framing::lines(), "admin"));
  EXPECT_NE(of(Framing::delimiter("a"), ""), of(Framing::delimiter("b"), ""));
  EXPECT_NE(of(Framing::length_prefix(2), ""), of(Framing::length_prefix(4), ""));
  EXPECT_NE(of(Framing::length_prefix(2), ""), of(Framing::length_prefix(2, Endian::little), ""));
}

}  // namespace
}  // namespace prefork::test
