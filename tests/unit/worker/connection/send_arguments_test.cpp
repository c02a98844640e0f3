// SPDX-License-Identifier: MIT
// This file compiles only if send() and send_raw() accept texts and lists of texts, and nothing that std::string_view
// would take for a pointer and a length.
#include <prefork/connection.hpp>

#include <string>
#include <string_view>

namespace prefork::test {
namespace {

template <class Sender>
constexpr bool joins_texts = requires(Sender& sender, const std::string& text, std::string_view view,
                                      const char* word) {
  sender.send({"received: ", text, view, word});
  sender.send({text});
};
template <class Sender>
constexpr bool sends_a_text = requires(Sender& sender, const std::string& text, std::string_view view,
                                       const char* word) {
  sender.send("literal");
  sender.send(text);
  sender.send(text + "temporary");
  sender.send(view);
  sender.send(word);
};
template <class Sender>
constexpr bool takes_a_number = requires(Sender& sender, int number) {
  sender.send({"count: ", number});
}
|| requires(Sender& sender, std::size_t size) { sender.send({"count: ", size}); }
|| requires(Sender& sender, int number) { sender.send(number); };
template <class Sender>
constexpr bool takes_nullptr = requires(Sender& sender) {
  sender.send(nullptr);
};

static_assert(joins_texts<Connection> && joins_texts<Reply>);
static_assert(sends_a_text<Connection> && sends_a_text<Reply>);
static_assert(!takes_a_number<Connection> && !takes_a_number<Reply>);
static_assert(!takes_nullptr<Connection> && !takes_nullptr<Reply>);

template <class Sender>
constexpr bool writes_a_text = requires(Sender& sender, const std::string& text, std::string_view view,
                                        const char* word) {
  sender.send_raw("literal");
  sender.send_raw(text);
  sender.send_raw(view);
  sender.send_raw(word);
};
template <class Sender>
constexpr bool writes_something_else = requires(Sender& sender, int size) {
  sender.send_raw({"count: ", size});
}
|| requires(Sender& sender) { sender.send_raw({"abc", "def"}); }
|| requires(Sender& sender) { sender.send_raw(nullptr); };
static_assert(writes_a_text<Connection>);
static_assert(!writes_something_else<Connection>);

}  // namespace
}  // namespace prefork::test
