// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace preforkd::ctl {

// Keys of a terminal from its bytes, which come in pieces of any size. What begins with the escape character and goes
// on is one key, an arrow for instance, and none that is of use here.
class KeyReader {
 public:
  // Those that the bytes complete, without sequences. An escape character at the end is kept until it is known what it
  // is.
  [[nodiscard]] std::string take(std::string_view bytes);
  // Whether an escape character is kept.
  [[nodiscard]] bool undecided() const noexcept { return state_ == State::escape; }
  // Nothing has followed it for a while: it is the key Esc.
  [[nodiscard]] std::string decide();

 private:
  enum class State { plain, escape, sequence, one_more };
  void take(char byte, std::string& keys);

  State state_ = State::plain;
};

}  // namespace preforkd::ctl
