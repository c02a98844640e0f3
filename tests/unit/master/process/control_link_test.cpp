// SPDX-License-Identifier: MIT
#include "master/process/control_link.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "wire/control_channel.hpp"
#include "wire/packet.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class ControlLinkTest : public testing::Test {
 protected:
  ControlLinkTest() {
    Result<ControlChannel> channel = ControlChannel::open();
    worker_ = std::move(channel->worker_end);
    link_.emplace(
        loop_, std::move(channel->master_end), [this](const auto& message) { take(message); },
        [this](const std::string& reason) { refused_.push_back(reason); });
  }

  // As a next master does.
  void adopt(bool greeted) {
    UniqueFd end(fcntl(link_->fd(), F_DUPFD_CLOEXEC, 3));
    link_.emplace(
        loop_, std::move(end), [this](const auto& message) { take(message); },
        [this](const std::string& reason) { refused_.push_back(reason); }, greeted);
  }

  void take(const ControlLink::Message& message) {
    if (const auto* hello = std::get_if<control::Hello>(&message)) said_ += 'h' + std::to_string(hello->framing) + ' ';
    if (const auto* seeks = std::get_if<control::Seeks>(&message))
      said_ += 's' + std::to_string(seeks->connections) + ' ';
    if (const auto* talks = std::get_if<control::Talks>(&message)) said_ += 't' + std::to_string(talks->protocol) + ' ';
    if (const auto* gave = std::get_if<control::Gave>(&message)) said_ += 'g' + std::to_string(gave->moved) + ' ';
    if (std::holds_alternative<control::Busy>(message)) said_ += "b ";
    if (on_message_) on_message_();
  }
  [[nodiscard]] bool say(const control::Message& message, int fd = -1) const {
    return send_packet(worker_.get(), {control::encode(message).view()}, fd) == PacketSent::sent;
  }
  [[nodiscard]] bool say(std::string_view bytes) const {
    return send_packet(worker_.get(), {bytes}) == PacketSent::sent;
  }
  std::optional<control::Message> hear() {
    std::array<char, 128> buffer;
    Packet packet;
    if (receive_packet(worker_.get(), buffer, packet) != PacketReceived::packet) return std::nullopt;
    heard_fd_ = static_cast<bool>(packet.fd);
    return control::decode(packet.bytes);
  }
  // Until nothing is left to do.
  void run() {
    for (int turns = 0; turns < 100 && loop_.run_once(milliseconds(0)); ++turns) continue;
  }

  EventLoop loop_;
  UniqueFd worker_;
  std::optional<ControlLink> link_;
  std::string said_;
  std::vector<std::string> refused_;
  std::function<void()> on_message_;
  bool heard_fd_ = false;
};

TEST_F(ControlLinkTest, takes_what_a_worker_says) {
  ASSERT_TRUE(say(control::Hello{.framing = 5}) && say(control::Seeks{3}) && say(control::Gave{.moved = 2}));
  run();
  EXPECT_EQ(said_, "h5 s3 g2 ");
  EXPECT_THAT(refused_, IsEmpty());
}

TEST_F(ControlLinkTest, takes_many_messages_that_wait) {
  ASSERT_TRUE(say(control::Hello{.framing = 5}));
  for (std::uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(say(control::Busy{})) << i;
  for (int turns = 0; turns < 100 && loop_.run_once(seconds(1)); ++turns) continue;
  EXPECT_EQ(said_.size(), std::string("h5 ").size() + 100 * std::string("b ").size());
}

TEST_F(ControlLinkTest, a_worker_whose_connections_do_not_move_can_be_asked_whether_it_is_busy) {
  EXPECT_TRUE(link_->send(control::ReportBusy{800}));
  const auto heard = hear();
  ASSERT_TRUE(heard && std::holds_alternative<control::ReportBusy>(*heard));
  EXPECT_EQ(std::get<control::ReportBusy>(*heard).permille, 800U);
  ASSERT_TRUE(say(control::Busy{}) && say(control::Seeks{3}));
  run();
  EXPECT_EQ(said_, "b ");
  EXPECT_THAT(refused_, ElementsAre("it comes before Hello"));
}

TEST_F(ControlLinkTest, a_worker_whose_connections_do_not_move_can_meet_others) {
  ASSERT_TRUE(say(control::Talks{}));
  run();
  EXPECT_EQ(said_, "t1 ");
  EXPECT_TRUE(link_->send(control::Meet{.id = 7}, worker_.get()));
  EXPECT_EQ(std::get<control::Meet>(hear().value()).id, 7U);
  EXPECT_TRUE(heard_fd_);
  EXPECT_FALSE(link_->greeted());
  EXPECT_THAT(refused_, IsEmpty());
}

TEST_F(ControlLinkTest, sends_nothing_to_a_program_that_has_not_said_hello) {
  EXPECT_FALSE(link_->send(control::Take{}));
  EXPECT_FALSE(hear());
  ASSERT_TRUE(say(control::Hello{}));
  run();
  EXPECT_TRUE(link_->send(control::Take{}, worker_.get()));
  EXPECT_TRUE(std::holds_alternative<control::Take>(hear().value()));
  EXPECT_TRUE(heard_fd_);
}

TEST_F(ControlLinkTest, refuses_what_makes_no_sense_and_takes_what_follows) {
  ASSERT_TRUE(say(control::Seeks{1}) && say(control::Hello{}) && say(control::Hello{}) && say("short") &&
              say(control::encode(control::Gave{}).view().substr(0, 12)) && say(control::Take{}) &&
              say(control::Seeks{2}, worker_.get()) && say(std::string(5000, '\0')) && say(control::Seeks{4}));
  run();
  EXPECT_THAT(refused_,
              ElementsAre("it comes before Hello", "a second Hello", "it has a wrong size", "it has a wrong size",
                          "only the master says it", "it contains a descriptor", "it has a wrong size"));
  EXPECT_EQ(said_, "h0 s4 ");
}

TEST_F(ControlLinkTest, ignores_messages_of_a_newer_program) {
  const std::string unknown(1000, '\x7F');
  ASSERT_TRUE(say(control::Hello{}) && say(unknown));
  ASSERT_TRUE(say(std::string(control::encode(control::Seeks{3}).view()) + std::string(1000, 'x')));
  run();
  EXPECT_EQ(said_, "h0 s3 ");
  EXPECT_THAT(refused_, IsEmpty());
}

TEST_F(ControlLinkTest, does_not_wait_for_a_worker_that_does_not_read) {
  ASSERT_TRUE(say(control::Hello{}));
  run();
  unsigned sent = 0;
  while (sent < 100000 && link_->send(control::NoTaker{})) ++sent;
  EXPECT_GT(sent, 0U);
  EXPECT_LT(sent, 100000U);
}

TEST_F(ControlLinkTest, ends_with_the_worker_s_end_and_does_not_spin) {
  ASSERT_TRUE(say(control::Hello{}) && say(control::Gave{.moved = 7}));
  worker_.reset();
  run();
  EXPECT_EQ(said_, "h0 g7 ");
  EXPECT_FALSE(loop_.run_once(milliseconds(0)));
  EXPECT_FALSE(link_->send(control::NoTaker{}));
}

// Each message that is read is followed by another one, so the queue is never empty.
TEST_F(ControlLinkTest, a_flood_comes_after_all_else) {
  ASSERT_TRUE(say(control::Hello{}));
  on_message_ = [this] { static_cast<void>(say(control::Seeks{1})); };
  while (say(control::Seeks{1})) continue;
  bool ticked = false;
  EventSource timer = loop_.add_timer(Priority::normal, milliseconds(1), [&ticked] { ticked = true; });
  timer.arm(SteadyClock().now());
  for (int turns = 0; turns < 100 && !ticked; ++turns) loop_.run_once(seconds(10));
  EXPECT_TRUE(ticked);
}

TEST_F(ControlLinkTest, one_that_was_greeted_needs_no_hello) {
  adopt(true);
  EXPECT_TRUE(link_->greeted());
  EXPECT_TRUE(link_->send(control::NoTaker{}));
  ASSERT_TRUE(say(control::Seeks{2}));
  ASSERT_TRUE(say(control::Hello{}));
  run();
  EXPECT_EQ(said_, "s2 ");
  EXPECT_THAT(refused_, ElementsAre("a second Hello"));
}

TEST_F(ControlLinkTest, one_that_was_not_greeted_hears_the_hello_that_waits) {
  ASSERT_TRUE(say(control::Hello{0, 5}));
  adopt(false);
  EXPECT_FALSE(link_->greeted());
  run();
  EXPECT_TRUE(link_->greeted());
  EXPECT_THAT(refused_, IsEmpty());
}

}  // namespace
}  // namespace preforkd
