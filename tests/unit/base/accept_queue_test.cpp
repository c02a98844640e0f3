// SPDX-License-Identifier: MIT
#include "base/accept_queue.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/listener.hpp"

namespace preforkd {
namespace {

class AcceptQueueOf : public testing::TestWithParam<std::string> {};

TEST_P(AcceptQueueOf, counts_what_waits_until_it_is_accepted) {
  ListenOptions options;
  options.backlog = 7;
  const Result<Listener> listener = open_listener(*parse_address(GetParam()), options);
  if (!listener) GTEST_SKIP() << listener.error().text;
  const auto empty = accept_queue(listener->fd.get());
  if (!empty) GTEST_SKIP() << "the kernel does not report it";
  EXPECT_EQ(*empty, (AcceptQueue{0, 7}));
  const Address address = *local_address(listener->fd.get());
  std::vector<UniqueFd> clients;
  for (std::uint32_t n = 1; n <= 3; ++n) {
    clients.emplace_back(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(clients.back().get(), address.get(), address.length), 0);
    EXPECT_EQ(accept_queue(listener->fd.get()), (AcceptQueue{n, 7}));
  }
  const UniqueFd accepted(::accept(listener->fd.get(), nullptr, nullptr));
  EXPECT_EQ(accept_queue(listener->fd.get()), (AcceptQueue{2, 7}));
}

INSTANTIATE_TEST_SUITE_P(all_families, AcceptQueueOf,
                         testing::Values("127.0.0.1:0", "[::1]:0", "@preforkd-accept-queue-test"),
                         [](const auto& with) {
                           return std::vector<std::string>({"ipv4", "ipv6", "unix"})[with.index];
                         });

TEST(AcceptQueueTest, a_descriptor_that_does_not_listen_has_none) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(accept_queue(socket.get()), std::nullopt);
  EXPECT_EQ(accept_queue(0), std::nullopt);
  EXPECT_EQ(accept_queue(-1), std::nullopt);
}

}  // namespace
}  // namespace preforkd
