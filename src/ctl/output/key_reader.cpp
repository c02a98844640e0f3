// SPDX-License-Identifier: MIT
#include "ctl/output/key_reader.hpp"

#include <utility>

namespace preforkd::ctl {
namespace {

constexpr char escape = '\x1b';

}  // namespace

std::string KeyReader::take(std::string_view bytes) {
  std::string keys;
  for (const char byte : bytes) take(byte, keys);
  return keys;
}

std::string KeyReader::decide() {
  return std::exchange(state_, State::plain) == State::escape ? std::string(1, escape) : "";
}

// ECMA-48: ESC [, parameters, and a final character from @ on; ESC O and a character; ESC and a character (Alt).
void KeyReader::take(char byte, std::string& keys) {
  switch (state_) {
    case State::plain:
      if (byte == escape) {
        state_ = State::escape;
      } else {
        keys += byte;
      }
      break;
    case State::escape:
      if (byte == escape) {
        keys += escape;
      } else {
        state_ = byte == '[' ? State::sequence : byte == 'O' ? State::one_more : State::plain;
      }
      break;
    case State::sequence:
      if (byte >= '@' && byte <= '~') state_ = State::plain;
      break;
    case State::one_more:
      state_ = State::plain;
      break;
  }
}

}  // namespace preforkd::ctl
