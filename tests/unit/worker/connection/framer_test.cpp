// SPDX-License-Identifier: MIT
#include "worker/connection/framer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using prefork::Endian;
using prefork::Frame;
using prefork::Framing;
using prefork::internal::Cut;
using prefork::internal::Framer;
using namespace std::string_literals;

// The messages of a stream, and how it ended.
struct Outcome {
  std::vector<std::string> messages;
  bool too_long = false;
  std::string rest;  // the beginning of a message; empty after too_long and bad
  bool bad = false;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const std::string& message : outcome.messages) out << '[' << message.size() << ':' << message << ']';
  return out << (outcome.too_long ? " too long" : " rest " + std::to_string(outcome.rest.size()));
}

// A connection as the server keeps one: the tail of the last input and the scan position.
class Stream {
 public:
  Stream(const Framing& framing, std::size_t max_message) : framer_(framing, max_message), limit_(max_message) {}

  void feed(std::string_view chunk) {
    if (outcome_.too_long || outcome_.bad) return;
    outcome_.rest += chunk;
    std::string_view input = outcome_.rest;
    for (;;) {
      std::size_t consumed = 0;
      std::string_view message;
      const Cut cut = framer_.next(input, scanned_, consumed, message);
      if (cut == Cut::message) {
        ASSERT_GT(consumed, 0U);
        ASSERT_LE(consumed, input.size());
        ASSERT_LE(message.size(), limit_);
        outcome_.messages.emplace_back(message);
        input.remove_prefix(consumed);
        continue;
      }
      outcome_.too_long = cut == Cut::too_long;
      outcome_.bad = cut == Cut::bad;
      break;
    }
    if (!outcome_.too_long && !input.empty()) {
      ASSERT_LT(input.size(), limit_ + framer_.overhead());
    }
    outcome_.rest = outcome_.too_long || outcome_.bad ? ""s : std::string(input);
  }
  [[nodiscard]] const Outcome& outcome() const { return outcome_; }

 private:
  Framer framer_;
  std::size_t limit_;
  std::uint32_t scanned_ = 0;
  Outcome outcome_;
};

Outcome cut(const Framing& framing, std::size_t max_message, std::initializer_list<std::string_view> chunks) {
  Stream stream(framing, max_message);
  for (const std::string_view chunk : chunks) stream.feed(chunk);
  return stream.outcome();
}

Outcome messages(std::vector<std::string> messages, std::string rest = "") {
  return {std::move(messages), false, std::move(rest), false};
}

Outcome too_long(std::vector<std::string> messages = {}) { return {std::move(messages), true, "", false}; }
Outcome bad(std::vector<std::string> messages = {}) { return {std::move(messages), false, "", true}; }

TEST(FramerLines, end_at_a_newline_and_lose_one_carriage_return) {
  EXPECT_EQ(cut(Framing::lines(), 10, {"a\nbc\r\n\n\r\nd\r\r\ne\rf\nrest"}),
            messages({"a", "bc", "", "", "d\r", "e\rf"}, "rest"));
}

TEST(FramerLines, may_be_split_anywhere) {
  EXPECT_EQ(cut(Framing::lines(), 10, {"he", "", "llo", "\r", "\nwor", "ld", "\n"}), messages({"hello", "world"}));
}

TEST(FramerLines, keep_binary_bytes) {
  EXPECT_EQ(cut(Framing::lines(), 10, {"\0\xFF\x80\0\n"s}), messages({"\0\xFF\x80\0"s}));
}

TEST(FramerLines, of_max_message_bytes_are_whole_with_either_end) {
  EXPECT_EQ(cut(Framing::lines(), 4, {"abcd\nefgh\r\n"}), messages({"abcd", "efgh"}));
  EXPECT_EQ(cut(Framing::lines(), 4, {"abc\r\r\n"}), messages({"abc\r"}));
}

TEST(FramerLines, of_one_byte_more_are_too_long) {
  EXPECT_EQ(cut(Framing::lines(), 4, {"ab\nabcde\n"}), too_long({"ab"}));
  EXPECT_EQ(cut(Framing::lines(), 4, {"abcde\r\n"}), too_long());
  EXPECT_EQ(cut(Framing::lines(), 4, {"abcd\rx\n"}), too_long());
  EXPECT_EQ(cut(Framing::lines(), 4, {"abcd\r\r\n"}), too_long());
}

TEST(FramerLines, too_long_is_known_before_the_line_ends) {
  EXPECT_EQ(cut(Framing::lines(), 4, {"abcd"}), messages({}, "abcd"));
  EXPECT_EQ(cut(Framing::lines(), 4, {"abcd", "e"}), too_long());
  EXPECT_EQ(cut(Framing::lines(), 4, {"abcd", "\r"}), messages({}, "abcd\r"));
  EXPECT_EQ(cut(Framing::lines(), 4, {"abcd", "\r", "x"}), too_long());
}

TEST(FramerDelimiter, may_be_one_byte_or_many) {
  EXPECT_EQ(cut(Framing::delimiter("\0"s), 10, {"a\0\0bc\0d"s}), messages({"a", "", "bc"}, "d"));
  EXPECT_EQ(cut(Framing::delimiter("\r\n\r\n"), 10, {"a\r\n\r\n\r\n\r\nb\r\nc\r\n\r\n"}),
            messages({"a", "", "b\r\nc"}));
  EXPECT_EQ(cut(Framing::delimiter("\n"), 10, {"a\r\n"}), messages({"a\r"}));
}

TEST(FramerDelimiter, may_be_split_over_chunks) {
  EXPECT_EQ(cut(Framing::delimiter("--=--"), 10, {"ab-", "-", "=-", "-", "cd--=", "--"}), messages({"ab", "cd"}));
}

TEST(FramerDelimiter, is_found_behind_its_own_beginning) {
  EXPECT_EQ(cut(Framing::delimiter("aab"), 10, {"xaa", "ab"}), messages({"xa"}));
  EXPECT_EQ(cut(Framing::delimiter("aab"), 10, {"x", "a", "a", "a", "a", "b"}), messages({"xaa"}));
}

TEST(FramerDelimiter, messages_of_max_message_bytes_are_whole_and_longer_ones_are_not) {
  EXPECT_EQ(cut(Framing::delimiter("<>"), 3, {"abc<>", "ab", "c<", ">"}), messages({"abc", "abc"}));
  EXPECT_EQ(cut(Framing::delimiter("<>"), 3, {"abcd<>"}), too_long());
  EXPECT_EQ(cut(Framing::delimiter("<>"), 3, {"abc<", "x"}), too_long());
}

TEST(FramerLengthPrefix, reads_every_width_in_both_byte_orders) {
  EXPECT_EQ(cut(Framing::length_prefix(1), 10,
                {"\x02"
                 "ab\x01"
                 "c"s}),
            messages({"ab", "c"}));
  EXPECT_EQ(cut(Framing::length_prefix(2), 300, {"\x01\x02"s + std::string(258, 'x')}),
            messages({std::string(258, 'x')}));
  EXPECT_EQ(cut(Framing::length_prefix(2, Endian::little), 600, {"\x01\x02"s + std::string(513, 'x')}),
            messages({std::string(513, 'x')}));
  EXPECT_EQ(cut(Framing::length_prefix(4), 10,
                {"\0\0\0\x02"
                 "ab"s}),
            messages({"ab"}));
  EXPECT_EQ(cut(Framing::length_prefix(4, Endian::little), 10,
                {"\x02\0\0\0"
                 "ab"s}),
            messages({"ab"}));
  EXPECT_EQ(cut(Framing::length_prefix(8), 10,
                {"\0\0\0\0\0\0\0\x02"
                 "ab"s}),
            messages({"ab"}));
  EXPECT_EQ(cut(Framing::length_prefix(8, Endian::little), 10,
                {"\x02\0\0\0\0\0\0\0"
                 "ab"s}),
            messages({"ab"}));
}

TEST(FramerLengthPrefix, messages_without_bytes_are_messages) {
  EXPECT_EQ(cut(Framing::length_prefix(2), 10, {"\0\0\0\0\0"s}), messages({"", ""}, "\0"s));
}

TEST(FramerLengthPrefix, may_be_split_anywhere) {
  EXPECT_EQ(cut(Framing::length_prefix(2), 10, {"\0"s, "\x03", "a", "bc\0"s, "\x01"s, "d"}), messages({"abc", "d"}));
}

TEST(FramerLengthPrefix, too_long_is_known_with_the_prefix) {
  EXPECT_EQ(cut(Framing::length_prefix(1), 3,
                {"\x03"
                 "abc\x04"s}),
            too_long({"abc"}));
  EXPECT_EQ(cut(Framing::length_prefix(4), 3, {"\0\0\0"s}), messages({}, "\0\0\0"s));
  EXPECT_EQ(cut(Framing::length_prefix(4), 3, {"\0\0\0\x04"s}), too_long());
}

TEST(FramerLengthPrefix, huge_lengths_do_not_overflow) {
  for (const Endian endian : {Endian::big, Endian::little}) {
    const Framing framing = Framing::length_prefix(8, endian);
    EXPECT_EQ(cut(framing, Framer::max_message_limit, {std::string(8, '\xFF')}), too_long());
  }
  const std::string half = "\x80"s + std::string(7, '\0');
  EXPECT_EQ(cut(Framing::length_prefix(8), 100, {half}), too_long());
  EXPECT_EQ(cut(Framing::length_prefix(8), 100, {std::string(7, '\xFF') + "\xF8"}),
            too_long());  // -8: prefix + length is 0
}

TEST(FramerVarint, reads_and_bounds_lengths_of_any_width) {
  EXPECT_EQ(cut(Framing::varint_prefix(), 300,
                {"\x02"
                 "ab"s,
                 "\x00"s, "\xAC"s, "\x02"s + std::string(300, 'x')}),
            messages({"ab", "", std::string(300, 'x')}));
  EXPECT_EQ(cut(Framing::varint_prefix(), 10, {"\x80\x80\x80\x80\x80\x80\x80\x80\x80"s}),
            messages({}, "\x80\x80\x80\x80\x80\x80\x80\x80\x80"s));
  EXPECT_EQ(cut(Framing::varint_prefix(), 299, {"\xAC\x02"s}), too_long());
}

TEST(FramerVarint, of_more_than_64_bits_is_bad) {
  const std::string nine(9, '\xFF');
  EXPECT_EQ(cut(Framing::varint_prefix(), 10, {nine + "\x01"}), too_long());
  EXPECT_EQ(cut(Framing::varint_prefix(), 10, {nine + "\x02"}), bad());
  EXPECT_EQ(cut(Framing::varint_prefix(), 10, {nine + "\x81"}), bad());
}

TEST(FramerLengthField, finds_the_length_within_the_header) {
  const Framing framing = Framing::length_field(2, 3, Endian::little);
  EXPECT_EQ(cut(framing, 20, {"AB\x03\0"s, "\0abcCD\0\0\0EF"s}), messages({"AB\x03\0\0abc"s, "CD\0\0\0"s}, "EF"));
}

TEST(FramerLengthField, may_count_its_header) {
  const Framing framing = Framing::length_field(0, 2, Endian::big, -2);
  EXPECT_EQ(cut(framing, 20, {"\0\5abc\0\2"s}), messages({"\0\5abc"s, "\0\2"s}));
  EXPECT_EQ(cut(framing, 20, {"\0\1"s}), bad());
}

TEST(FramerLengthField, too_long_is_known_with_the_header) {
  EXPECT_EQ(cut(Framing::length_field(1, 1), 5, {"X\3abcX\4"s}), too_long({"X\3abc"}));
  EXPECT_EQ(cut(Framing::length_field(0, 8), 5, {std::string(8, '\xFF')}), too_long());
}

// "N:bytes," as a netstring has it.
Frame netstring(std::string_view input) {
  const std::size_t colon = input.find(':');
  if (colon == std::string_view::npos) return input.size() < 4 ? Frame::incomplete() : Frame::bad();
  std::size_t size = 0;
  for (const char digit : input.substr(0, colon)) size = size * 10 + static_cast<std::size_t>(digit - '0');
  const std::size_t whole = colon + size + 2;
  if (input.size() < whole) return Frame::incomplete(whole);
  return input[whole - 1] == ',' ? Frame::message(whole, colon + 1, 1) : Frame::bad();
}

TEST(FramerCustom, cuts_what_the_function_says) {
  EXPECT_EQ(cut(Framing::custom(netstring), 20, {"5:hello,0", ":,", "3:a", "b", "c,1"}),
            messages({"hello", "", "abc"}, "1"));
  EXPECT_EQ(cut(Framing::custom(netstring), 20, {"1:a,2:bc;"}), bad({"a"}));
  EXPECT_EQ(cut(Framing::custom(netstring), 20, {"18:"}), too_long());
}

TEST(FramerCustom, is_not_asked_before_there_is_as_much_as_it_wanted) {
  int asked = 0;
  const Framing framing = Framing::custom([&](std::string_view input) {
    ++asked;
    return input.size() < 10 ? Frame::incomplete(10) : Frame::message(10);
  });
  EXPECT_EQ(cut(framing, 20, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}), messages({"0123456789"}));
  EXPECT_EQ(asked, 2);
}

TEST(FramerCustom, is_one_function_for_all_framers) {
  const auto state = std::make_shared<int>(0);
  const Framing framing = Framing::custom([state](std::string_view) { return Frame::message(1); });
  const long holders = state.use_count();
  const Framer first(framing, 10);
  const Framer second(Framing(framing), 10);
  EXPECT_EQ(state.use_count(), holders) << "the function is not copied";
}

TEST(FramerCustom, that_names_bytes_that_are_not_there_is_a_mistake_of_the_program) {
  for (const Frame& frame : {Frame::message(0), Frame::message(4), Frame::message(3, 4), Frame::message(3, 2, 2)}) {
    const Framer framer(Framing::custom([&](std::string_view) { return frame; }), 10);
    std::uint32_t scanned = 0;
    std::size_t consumed = 0;
    std::string_view message;
    EXPECT_THROW(static_cast<void>(framer.next("abc", scanned, consumed, message)), std::logic_error);
  }
}

TEST(FramerRaw, every_chunk_is_a_message_up_to_max_message) {
  EXPECT_EQ(cut(Framing::raw(), 3, {"ab", "c", "", "defghij"}), messages({"ab", "c", "def", "ghi", "j"}));
}

TEST(Framer, brings_max_message_into_its_range) {
  EXPECT_EQ(cut(Framing::raw(), 1, {"ab"}), messages({"a", "b"}));
  Framer none(Framing::raw(), 0);
  std::uint32_t scanned = 0;
  std::size_t consumed = 0;
  std::string_view message;
  EXPECT_EQ(none.next("ab", scanned, consumed, message), Cut::message);
  EXPECT_EQ(consumed, 1U);
  Framer endless(Framing::length_prefix(8), ~std::size_t{0});
  EXPECT_EQ(endless.next(std::string(8, '\x7F'), scanned, consumed, message), Cut::too_long);
}

TEST(Framer, searches_a_trickling_message_once) {
  // Each byte is made a delimiter after the search has passed it: a second search would find one.
  for (const Framing& framing : {Framing::lines(), Framing::delimiter("\n")}) {
    const Framer framer(framing, 1000);
    std::string input;
    std::uint32_t scanned = 0;
    std::size_t consumed = 0;
    std::string_view message;
    for (int i = 0; i < 100; ++i) {
      input.push_back('x');
      ASSERT_EQ(framer.next(input, scanned, consumed, message), Cut::need_more);
      input.back() = '\n';
    }
  }
}

// The output direction: a queue like the server's output.
class Queue {
 public:
  explicit Queue(std::size_t room = 1 << 14) : bytes_(room, '?') {}
  char* prepare(std::size_t room) { return size_ + room <= bytes_.size() ? bytes_.data() + size_ : nullptr; }
  void commit(std::size_t bytes) { size_ += bytes; }
  [[nodiscard]] std::string text() const { return bytes_.substr(0, size_); }

 private:
  std::string bytes_;
  std::size_t size_ = 0;
};

std::string wrap(const Framing& framing, std::initializer_list<std::string_view> parts) {
  Queue queue;
  EXPECT_TRUE(Framer(framing, 100).wrap(parts, queue));
  return queue.text();
}

TEST(FramerWrap, adds_the_framing) {
  EXPECT_EQ(wrap(Framing::lines(), {"ab", "", "c"}), "abc\n");
  EXPECT_EQ(wrap(Framing::delimiter("<>"), {"ab", "c"}), "abc<>");
  EXPECT_EQ(wrap(Framing::raw(), {"ab", "c"}), "abc");
  EXPECT_EQ(wrap(Framing::length_prefix(1), {"ab", "c"}), "\3abc");
  EXPECT_EQ(wrap(Framing::length_prefix(2), {"abc"}), "\0\3abc"s);
  EXPECT_EQ(wrap(Framing::length_prefix(4, Endian::little), {"abc"}), "\3\0\0\0abc"s);
  EXPECT_EQ(wrap(Framing::length_prefix(8), {}), std::string(8, '\0'));
}

TEST(FramerWrap, refuses_what_its_prefix_cannot_say) {
  const Framer framer(Framing::length_prefix(1), 100);
  Queue queue;
  EXPECT_TRUE(framer.can_carry(255));
  EXPECT_FALSE(framer.can_carry(256));
  EXPECT_TRUE(framer.wrap({std::string(255, 'x')}, queue));
  EXPECT_FALSE(framer.wrap({std::string(128, 'x'), std::string(128, 'x')}, queue));
  EXPECT_EQ(queue.text(), "\xFF" + std::string(255, 'x'));
  EXPECT_TRUE(Framer(Framing::length_prefix(8), 100).can_carry(~std::size_t{0}));
}

TEST(FramerWrap, changes_nothing_without_memory) {
  Queue queue(4);
  EXPECT_FALSE(Framer(Framing::length_prefix(4), 100).wrap({"a"}, queue));
  EXPECT_EQ(queue.text(), "");
}

class AnyFraming : public testing::TestWithParam<int> {
 protected:
  static Framing framing() {
    constexpr unsigned widths[] = {1, 2, 4, 8};
    switch (const int index = GetParam()) {
      case 0:
        return Framing::lines();
      case 1:
        return Framing::delimiter("\n");
      case 2:
        return Framing::delimiter("\r\n");
      case 3:
        return Framing::delimiter("aab");
      case 4:
        return Framing::delimiter("abababab\nabababa");
      default:
        return Framing::length_prefix(widths[(index - 5) / 2], index % 2 == 0 ? Endian::big : Endian::little);
    }
  }
  // The bytes that matter to the framings come often.
  std::string random_bytes(std::size_t size) {
    std::string bytes(size, ' ');
    for (char& byte : bytes) byte = "\n\r\0\1\2ab"[random_() % 7];
    return bytes;
  }
  std::size_t below(std::size_t limit) { return random_() % limit; }
  Outcome cut_at_random(const Framing& framing, std::size_t max_message, std::string_view bytes) {
    Stream stream(framing, max_message);
    const std::size_t longest = 1 + below(8);
    while (!bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), 1 + below(longest));
      stream.feed(bytes.substr(0, size));
      bytes.remove_prefix(size);
    }
    return stream.outcome();
  }

 private:
  std::mt19937 random_{static_cast<unsigned>(20261123 + GetParam())};
};

TEST_P(AnyFraming, gives_the_same_messages_under_every_split) {
  for (int round = 0; round < 3000; ++round) {
    const std::size_t max_message = 1 + below(24);
    const std::string bytes = random_bytes(below(120));
    const Outcome whole = cut(framing(), max_message, {bytes});
    ASSERT_EQ(cut_at_random(framing(), max_message, bytes), whole) << "round " << round;
  }
}

TEST_P(AnyFraming, reads_back_what_it_wraps) {
  for (int round = 0; round < 500; ++round) {
    const std::size_t max_message = 1 + below(24);
    const Framer framer(framing(), max_message);
    Queue queue;
    std::vector<std::string> sent;
    for (std::size_t i = 0; i < 10; ++i) {
      const std::string message(below(max_message + 1), static_cast<char>('p' + i));
      ASSERT_TRUE(framer.wrap({message.substr(0, message.size() / 2), message.substr(message.size() / 2)}, queue));
      sent.push_back(message);
    }
    ASSERT_EQ(cut_at_random(framing(), max_message, queue.text()), messages(sent)) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Framer, AnyFraming, testing::Range(0, 13));

TEST(FramerRaw, loses_no_byte_under_any_split) {
  EXPECT_EQ(cut(Framing::raw(), 4, {"abcdefghij"}), messages({"abcd", "efgh", "ij"}));
}

}  // namespace
