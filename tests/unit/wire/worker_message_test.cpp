// SPDX-License-Identifier: MIT
#include "wire/worker_message.hpp"

#include <gtest/gtest.h>

#include <string>

namespace preforkd::worker_message {
namespace {

std::string packet(const std::string& message, std::uint32_t type = Header().type) {
  return std::string(bytes_of(Header{type})) + message;
}

TEST(WorkerMessage, is_what_follows_the_header) {
  EXPECT_EQ(read(packet("hello")), "hello");
  EXPECT_EQ(read(packet("")), "");
  EXPECT_EQ(read(packet(std::string(max_bytes, 'x')))->size(), max_bytes);
}

TEST(WorkerMessage, is_none_if_it_is_too_short_or_too_long_or_of_unknown_type) {
  EXPECT_EQ(read(""), std::nullopt);
  EXPECT_EQ(read(packet("").substr(1)), std::nullopt);
  EXPECT_EQ(read(packet(std::string(max_bytes + 1, 'x'))), std::nullopt);
  EXPECT_EQ(read(packet("hello", 2)), std::nullopt);
}

}  // namespace
}  // namespace preforkd::worker_message
