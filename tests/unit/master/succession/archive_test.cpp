// SPDX-License-Identifier: MIT
#include "master/succession/archive.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "master/base/instant.hpp"
#include "master/succession/pool_fields.hpp"

namespace preforkd {
namespace {

enum class Colour : std::uint8_t { red, green, blue };

struct Inner {
  int number = 7;
  bool operator==(const Inner&) const = default;
};
template <class Archive>
void fields(Archive& archive, Inner& inner) {
  archive(inner.number);
}

struct Outer {
  bool flag = false;
  std::int64_t negative = 0;
  std::string text;
  Colour colour = Colour::red;
  std::optional<Instant> at;
  std::vector<Inner> list;
  std::map<std::string, std::uint64_t> counts;
  std::array<std::uint64_t, 3> three{};
  bool operator==(const Outer&) const = default;
};
template <class Archive>
void fields(Archive& archive, Outer& outer) {
  archive(outer.flag);
  archive(outer.negative);
  archive(outer.text);
  archive(outer.colour, Colour::blue);
  archive(outer.at);
  archive(outer.list);
  archive(outer.counts);
  archive(outer.three);
}

// As a later version has it.
struct LaterInner : Inner {
  std::string added = "initial";
};
template <class Archive>
void fields(Archive& archive, LaterInner& inner) {
  archive(inner.number);
  archive(inner.added);
}

Outer example() {
  return {.flag = true,
          .negative = std::numeric_limits<std::int64_t>::min(),
          .text = std::string("with a \0 in it", 14),
          .colour = Colour::blue,
          .at = Instant{Duration{-5}},
          .list = {{1}, {-1}, {std::numeric_limits<int>::max()}},
          .counts = {{"a", 1}, {"", std::numeric_limits<std::uint64_t>::max()}},
          .three = {1, 2, 3}};
}

TEST(Archive, gives_back_what_was_put_in) {
  EXPECT_EQ(decode<Outer>(encode(example())), example());
  EXPECT_EQ(decode<Outer>(encode(Outer())), Outer());
}

TEST(Archive, of_an_earlier_version_leaves_what_is_new_as_it_is) {
  const std::optional<LaterInner> later = decode<LaterInner>(encode(Inner{3}));
  ASSERT_TRUE(later);
  EXPECT_EQ(later->number, 3);
  EXPECT_EQ(later->added, "initial");
}

TEST(Archive, of_a_later_version_gives_what_is_known) {
  const std::vector<LaterInner> two{{{1}, "x"}, {{2}, "y"}};
  EXPECT_EQ(decode<std::vector<Inner>>(encode(two)), (std::vector<Inner>{{1}, {2}}));
}

TEST(Archive, takes_no_value_that_its_type_does_not_have) {
  EXPECT_FALSE(decode<bool>(encode(2)));
  EXPECT_FALSE(decode<std::uint8_t>(encode(256)));
  EXPECT_FALSE(decode<int>(encode(std::int64_t{1} << 40)));
  EXPECT_EQ(decode<int>(encode(-1)), -1);
  Outer outer = example();
  outer.colour = static_cast<Colour>(3);
  EXPECT_FALSE(decode<Outer>(encode(outer)));
}

TEST(Archive, of_wrong_bytes_is_refused_or_something_else_but_does_no_harm) {
  std::mt19937 random(1);
  const std::string good = encode(example());
  for (std::size_t size = 0; size < good.size(); ++size) static_cast<void>(decode<Outer>(good.substr(0, size)));
  for (int turn = 0; turn < 20'000; ++turn) {
    std::string bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes[random() % bytes.size()] = static_cast<char>(random() % 3 - 1);
    static_cast<void>(decode<Outer>(bytes));
    static_cast<void>(decode<SlotImage>(bytes));
  }
  EXPECT_FALSE(decode<Outer>("short"));
  EXPECT_FALSE(decode<std::vector<Inner>>(encode(std::uint64_t{1} << 60))) << "a length that is not there";
}

}  // namespace
}  // namespace preforkd
