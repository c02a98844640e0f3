// SPDX-License-Identifier: MIT
#include "worker/talk/talk.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "wire/packet.hpp"
#include "wire/worker_message.hpp"

namespace prefork::internal {
namespace {

namespace control = preforkd::control;
using preforkd::UniqueFd;

constexpr std::size_t max_bytes = preforkd::worker_message::max_bytes;

// A worker in this process. Its id is ten times its slot, plus its generation.
struct Party {
  Party(EventLoop& loop, unsigned its_slot, unsigned its_generation, std::size_t queue)
      : slot(its_slot), generation(its_generation), talk(loop, errors, on_message, queue, page) {}

  [[nodiscard]] control::Meet card() const {
    return {.id = slot * 10 + generation, .slot = slot, .generation = generation, .pid = 4711};
  }
  [[nodiscard]] PoolWorker identity() const { return {card().id, slot, generation, 4711}; }

  unsigned slot;
  unsigned generation;
  std::vector<std::string> got;  // "SLOT.GENERATION: MESSAGE"
  preforkd::StatsPage page{};
  ErrorPolicy errors;
  Talk::OnMessage on_message = [this](const PoolWorker& from, std::string_view message) {
    got.push_back(std::to_string(from.slot) + '.' + std::to_string(from.generation) + ": " + std::string(message));
  };
  Talk talk;
};

struct Ends {
  Ends() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
      throw std::runtime_error("socketpair");
    }
    one.reset(ends[0]);
    other.reset(ends[1]);
  }
  UniqueFd one;
  UniqueFd other;
};

class TalkTest : public testing::Test {
 protected:
  static void introduce(Party& a, Party& b) {
    Ends ends;
    a.talk.meet(b.card(), std::move(ends.one));
    b.talk.meet(a.card(), std::move(ends.other));
  }
  // Until nothing more happens: what is sent to a socket of this process is there at once.
  void settle() {
    do {
      loop_.turn(0);
      for (Party* const party : {&ann_, &bob_, &cat_, &new_bob_}) party->talk.settle();
    } while (loop_.ready() > 0);
  }
  // Packets as of another program.
  [[nodiscard]] UniqueFd meet_stranger(Party& party, std::uint64_t id = 99) {
    Ends ends;
    party.talk.meet({.id = id, .slot = 9, .generation = 1, .pid = 1}, std::move(ends.one));
    return std::move(ends.other);
  }

  EventLoop loop_;
  Party ann_{loop_, 0, 1, 100'000};
  Party bob_{loop_, 1, 1, 100'000};
  Party cat_{loop_, 2, 1, 100'000};
  Party new_bob_{loop_, 1, 2, 100'000};
};

using Messages = std::vector<std::string>;

TEST_F(TalkTest, a_message_goes_to_the_worker_of_a_slot_in_order) {
  introduce(ann_, bob_);
  introduce(ann_, cat_);
  EXPECT_EQ(ann_.talk.send_to(1, "first"), SendResult::sent);
  EXPECT_EQ(ann_.talk.send_to(1, ""), SendResult::sent);
  EXPECT_EQ(ann_.talk.send_to(1, std::string(max_bytes, 'x')), SendResult::sent);
  EXPECT_EQ(bob_.talk.send_to(0, "back"), SendResult::sent);
  settle();
  EXPECT_EQ(bob_.got, (Messages{"0.1: first", "0.1: ", "0.1: " + std::string(max_bytes, 'x')}));
  EXPECT_EQ(ann_.got, Messages{"1.1: back"});
  EXPECT_EQ(cat_.got, Messages{});
  EXPECT_EQ(ann_.page.worker_messages, 3U);
  EXPECT_EQ(ann_.page.worker_messages_dropped, 0U);
}

TEST_F(TalkTest, a_broadcast_goes_to_all_others) {
  introduce(ann_, bob_);
  introduce(ann_, cat_);
  EXPECT_EQ(ann_.talk.broadcast("all"), 2U);
  settle();
  EXPECT_EQ(bob_.got, Messages{"0.1: all"});
  EXPECT_EQ(cat_.got, Messages{"0.1: all"});
  EXPECT_EQ(ann_.got, Messages{});
  EXPECT_EQ(ann_.page.worker_messages, 2U);
}

TEST_F(TalkTest, without_others_there_is_no_worker) {
  EXPECT_EQ(ann_.talk.others().size(), 0U);
  EXPECT_EQ(ann_.talk.send_to(0, "x"), SendResult::no_worker);
  EXPECT_EQ(ann_.talk.broadcast("x"), 0U);
  EXPECT_EQ(ann_.page.worker_messages_dropped, 0U);
}

TEST_F(TalkTest, of_two_workers_in_a_slot_the_younger_one_gets_it_and_each_can_be_named) {
  introduce(ann_, new_bob_);
  introduce(ann_, bob_);
  EXPECT_EQ(ann_.talk.others().size(), 2U);
  EXPECT_EQ(ann_.talk.send_to(1, "young"), SendResult::sent);
  EXPECT_EQ(ann_.talk.send_to(bob_.identity(), "old"), SendResult::sent);
  EXPECT_EQ(ann_.talk.broadcast("both"), 2U);
  settle();
  EXPECT_EQ(new_bob_.got, (Messages{"0.1: young", "0.1: both"}));
  EXPECT_EQ(bob_.got, (Messages{"0.1: old", "0.1: both"}));
}

TEST_F(TalkTest, what_the_socket_does_not_take_waits_and_comes_in_order) {
  introduce(ann_, bob_);
  Messages expected;
  for (int i = 0; i < 1000 && !ann_.talk.is_sending(); ++i) {
    const std::string message = std::to_string(i) + std::string(20'000, 'x');
    ASSERT_EQ(ann_.talk.send_to(1, message), SendResult::sent);
    expected.push_back("0.1: " + message);
  }
  ASSERT_TRUE(ann_.talk.is_sending());
  ASSERT_EQ(ann_.talk.send_to(1, "last"), SendResult::sent);
  expected.emplace_back("0.1: last");
  settle();
  EXPECT_EQ(bob_.got, expected);
  EXPECT_FALSE(ann_.talk.is_sending());
  EXPECT_EQ(ann_.page.worker_messages_dropped, 0U);
}

TEST_F(TalkTest, a_message_does_not_overtake_those_that_wait) {
  const UniqueFd stranger = meet_stranger(ann_);
  while (!ann_.talk.is_sending()) ASSERT_EQ(ann_.talk.send_to(9, std::string(20'000, 'x')), SendResult::sent);
  std::vector<char> buffer(preforkd::worker_message::max_packet_bytes);
  preforkd::Packet packet;
  const auto next = [&] { return preforkd::receive_packet(stranger.get(), buffer, packet); };
  for (int i = 0; i < 3; ++i) ASSERT_EQ(next(), preforkd::PacketReceived::packet);
  ASSERT_EQ(ann_.talk.send_to(9, "late"), SendResult::sent);
  std::string last;
  for (bool more = true; more; settle()) {
    for (more = false; next() == preforkd::PacketReceived::packet; more = true) last = packet.bytes;
  }
  EXPECT_FALSE(ann_.talk.is_sending());
  EXPECT_EQ(last.substr(4), "late");
}

TEST_F(TalkTest, a_queue_is_bounded_and_what_is_dropped_is_counted) {
  introduce(ann_, bob_);
  const std::string message(20'000, 'x');
  std::uint64_t sent = 0;
  while (sent < 1000 && ann_.talk.send_to(1, message) == SendResult::sent) ++sent;
  ASSERT_LT(sent, 1000U);
  EXPECT_EQ(ann_.talk.broadcast(message), 0U);
  EXPECT_EQ(ann_.talk.send_to(1, "a small one still fits"), SendResult::sent);
  EXPECT_EQ(ann_.page.worker_messages_dropped, 2U);
  settle();
  EXPECT_EQ(ann_.page.worker_messages, sent + 1);
  EXPECT_EQ(bob_.got.size(), sent + 1);
  EXPECT_EQ(ann_.talk.send_to(1, message), SendResult::sent) << "it is empty again";
}

TEST_F(TalkTest, many_small_messages_fill_a_queue_too) {
  introduce(ann_, bob_);
  int sent = 0;
  while (sent < 1'000'000 && ann_.talk.send_to(1, "") == SendResult::sent) ++sent;
  EXPECT_LT(sent, 10'000);
}

TEST_F(TalkTest, nothing_waits_after_the_end_of_queueing) {
  introduce(ann_, bob_);
  std::uint64_t sent = 0;
  for (; !ann_.talk.is_sending(); ++sent) ASSERT_EQ(ann_.talk.send_to(1, std::string(20'000, 'x')), SendResult::sent);
  ann_.talk.stop_queueing();
  EXPECT_FALSE(ann_.talk.is_sending());
  EXPECT_EQ(ann_.page.worker_messages_dropped, 1U);
  EXPECT_EQ(ann_.page.worker_messages, sent - 1) << "each counts once";
  EXPECT_EQ(ann_.talk.send_to(1, "late"), SendResult::full);
}

TEST_F(TalkTest, a_worker_that_ends_leaves_after_what_it_has_sent) {
  UniqueFd stranger = meet_stranger(ann_);
  const preforkd::worker_message::Header header;
  const auto send = [&](std::string_view bytes) {
    ASSERT_EQ(preforkd::send_packet(stranger.get(), {preforkd::worker_message::bytes_of(header), bytes}),
              preforkd::PacketSent::sent);
  };
  send("first");
  send("");
  send("last");
  stranger.reset();
  EXPECT_EQ(ann_.talk.send_to(9, "x"), SendResult::no_worker);
  EXPECT_EQ(ann_.talk.others().size(), 0U);
  settle();
  EXPECT_EQ(ann_.got, (Messages{"9.1: first", "9.1: ", "9.1: last"}));
  EXPECT_EQ(ann_.page.worker_messages_dropped, 0U);
}

TEST_F(TalkTest, what_waits_for_a_worker_that_ends_is_not_waited_for) {
  UniqueFd stranger = meet_stranger(ann_);
  while (!ann_.talk.is_sending()) ASSERT_EQ(ann_.talk.send_to(9, std::string(20'000, 'x')), SendResult::sent);
  stranger.reset();
  settle();
  EXPECT_FALSE(ann_.talk.is_sending());
  EXPECT_EQ(ann_.talk.others().size(), 0U);
}

TEST_F(TalkTest, garbage_is_ignored) {
  const UniqueFd stranger = meet_stranger(ann_);
  const std::string too_long(max_bytes + 100, 'x');
  for (const std::string_view garbage : {std::string_view("x"), std::string_view("\xff\xff\xff\xff of a newer program"),
                                         std::string_view(too_long), std::string_view()}) {
    ASSERT_EQ(preforkd::send_packet(stranger.get(), {garbage}), preforkd::PacketSent::sent);
  }
  preforkd::worker_message::Header header;
  ASSERT_EQ(preforkd::send_packet(stranger.get(), {preforkd::worker_message::bytes_of(header), "sense"}, 1),
            preforkd::PacketSent::sent);
  settle();
  EXPECT_EQ(ann_.got, Messages{"9.1: sense"});
  EXPECT_EQ(ann_.talk.others().size(), 1U);
}

TEST_F(TalkTest, a_second_introduction_changes_nothing_while_the_first_holds) {
  introduce(ann_, bob_);
  std::size_t sent = 0;
  for (; !ann_.talk.is_sending(); ++sent) ASSERT_EQ(ann_.talk.broadcast(std::string(20'000, 'x')), 1U);
  introduce(ann_, bob_);
  EXPECT_EQ(ann_.talk.others().size(), 1U);
  EXPECT_EQ(ann_.talk.broadcast("after"), 1U);
  settle();
  ASSERT_EQ(bob_.got.size(), sent + 1);
  EXPECT_EQ(bob_.got.back(), "0.1: after");
}

TEST_F(TalkTest, a_second_introduction_mends_a_first_one_that_came_to_nothing) {
  Ends half;
  ann_.talk.meet(bob_.card(), std::move(half.one));
  half.other.reset();  // the master died
  introduce(ann_, bob_);
  EXPECT_EQ(ann_.talk.others().size(), 1U);
  EXPECT_EQ(ann_.talk.send_to(1, "hello"), SendResult::sent);
  EXPECT_EQ(bob_.talk.send_to(bob_.talk.others().at(0), "hello"), SendResult::sent);
  settle();
  EXPECT_EQ(bob_.got, Messages{"0.1: hello"});
  EXPECT_EQ(ann_.got, Messages{"1.1: hello"});
}

TEST_F(TalkTest, a_message_that_is_too_long_is_an_error_that_says_so) {
  introduce(ann_, bob_);
  const std::string too_long(max_bytes + 1, 'x');
  EXPECT_THROW(ann_.talk.broadcast(too_long), std::length_error);
  try {
    static_cast<void>(ann_.talk.send_to(1, too_long));
    FAIL();
  } catch (const std::length_error& error) {
    EXPECT_STREQ(error.what(), "a message to another worker has 65537 bytes, more than 65536");
  }
  settle();
  EXPECT_EQ(bob_.got, Messages{});
}

TEST_F(TalkTest, a_handler_that_throws_gets_the_next_message) {
  introduce(ann_, bob_);
  int errors = 0;
  bob_.errors.on_error = [&](const std::exception_ptr&) { ++errors; };
  bob_.on_message = [&](const PoolWorker&, std::string_view message) {
    if (message == "bad") throw std::runtime_error("bad");
    bob_.got.emplace_back(message);
  };
  ann_.talk.broadcast("bad");
  ann_.talk.broadcast("good");
  settle();
  EXPECT_EQ(bob_.got, Messages{"good"});
  EXPECT_EQ(errors, 1);
}

TEST_F(TalkTest, a_handler_may_send) {
  introduce(ann_, bob_);
  introduce(ann_, cat_);
  ann_.on_message = [&](const PoolWorker& from, std::string_view message) {
    EXPECT_EQ(ann_.talk.send_to(from, "echo"), SendResult::sent);
    EXPECT_EQ(ann_.talk.send_to(2, message), SendResult::sent);
  };
  bob_.talk.broadcast("hello");
  settle();
  EXPECT_EQ(bob_.got, Messages{"0.1: echo"});
  EXPECT_EQ(cat_.got, Messages{"0.1: hello"});
}

// The clients are served between them.
TEST_F(TalkTest, a_flood_does_not_keep_a_worker_in_a_turn) {
  introduce(ann_, bob_);
  bob_.on_message = [&](const PoolWorker&, std::string_view message) {
    bob_.got.emplace_back(message);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
    while (std::chrono::steady_clock::now() < end) continue;
  };
  for (int i = 0; i < 20; ++i) ann_.talk.broadcast("x");
  loop_.turn(0);
  EXPECT_GE(bob_.got.size(), 1U);
  EXPECT_LE(bob_.got.size(), 4U);
  settle();
  EXPECT_EQ(bob_.got.size(), 20U);
}

}  // namespace
}  // namespace prefork::internal
