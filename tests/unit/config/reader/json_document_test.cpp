// SPDX-License-Identifier: MIT
#include "config/reader/json_document.hpp"

#include <gtest/gtest.h>

#include <string>

namespace preforkd {
namespace {

// "LINE:COLUMN reason" of a text that is refused.
std::string refusal(std::string_view text) {
  const auto document = parse_json_document(text);
  if (document) return "accepted: " + document->dump();
  return std::to_string(document.error().line) + ':' + std::to_string(document.error().column) + ' ' +
         document.error().reason;
}

TEST(JsonDocument, keeps_values_of_all_kinds_and_drops_comments) {
  const auto document = parse_json_document(
      "\xEF\xBB\xBF// first\n{\"a\": [1, -2, 1.5, \"x\\u0000y\", true, null], /* in\nside */ \"b\": {\"c\": {}}} // "
      "last");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->dump(), R"({"a":[1,-2,1.5,"x\u0000y",true,null],"b":{"c":{}}})");
}

TEST(JsonDocument, says_where_and_what_is_wrong) {
  constexpr const char* no_value =
      "not a JSON value: strings need double quotes; other values are true, false, null and numbers";
  const struct {
    std::string_view text;
    std::string refusal;
  } cases[] = {
      {"", "1:1 the text ends where a value is expected"},
      {"{\n  \"a\": 1,\n", "3:1 the text ends inside an object: a '}' is missing"},
      {"{\"a\": [1", "1:9 the text ends inside an array: a ']' is missing"},
      {"{\"a\": 1", "1:8 the text ends inside an object: a '}' is missing"},
      {"{\n  \"a\": 1,\n}", "3:1 an extra ',' before the '}'"},
      {"[1, ]", "1:5 an extra ',' before the ']'"},
      {"{\"a\" 1}", "1:6 a ':' is missing after the key"},
      {"{\"a\": 1\n \"bcd\": 2}", "2:2 a ',' or a '}' is missing here"},
      {"[1 23]", "1:4 a ',' or a ']' is missing here"},
      {"{a: 1}", "1:2 a key in double quotes is expected here"},
      {"{'a': 1}", "1:2 a key in double quotes is expected here"},
      {"{\"a\": tru}", std::string("1:7 ") + no_value},
      {"{\"a\": 30s}", std::string("1:7 ") + no_value},
      {"{\"a\": 'x'}", std::string("1:7 ") + no_value},
      {"{\"a\": }", "1:7 a value is missing here"},
      {"{\"a\": \"b\n\"}", "1:9 a string must end on the line it begins on"},
      {"{\"a\": \"b", "1:9 a string must end on the line it begins on"},
      {"/* a", "1:5 a /* comment is not closed"},
      {"/ a", "1:2 a lone '/'; a comment begins with // or /*"},
      {"# a", std::string("1:1 ") + no_value},
      {"{} x", "1:4 more text after the end of the config's object"},
      {"\"\\q\"", "1:3 invalid string: forbidden character after backslash"},
      {"\"\xC3\xA4\xFF\"", "1:3 invalid string: ill-formed UTF-8 byte"},
      {"{\"a\": 1e999}", "1:7 number overflow parsing '1e999'"},
      {"{\"a\": 99999999999999999999}", "1:7 99999999999999999999 does not fit 64 bits"},
      {"{\"a\": 1,\n\n  \"b\": 2, \"a\": 3}", "3:11 the key \"a\" appears twice in one object"},
      {"{\"x\": {\"a\\\"b\": 1, \"a\\\"b\": 2}}", "1:19 the key \"a\"b\" appears twice in one object"},
  };
  for (const auto& each : cases) EXPECT_EQ(refusal(each.text), each.refusal) << each.text;
}

TEST(JsonDocument, one_key_may_stand_in_two_objects) {
  EXPECT_TRUE(parse_json_document(R"({"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}, {"k": 1}]})"));
}

TEST(JsonDocument, nesting_is_bounded) {
  const std::string open(max_json_depth, '[');
  const std::string close(max_json_depth, ']');
  EXPECT_TRUE(parse_json_document(open + close));
  EXPECT_EQ(refusal('[' + open + close + ']'), "1:33 nested deeper than 32 levels, the limit");
  EXPECT_EQ(refusal(std::string(900000, '[')), "1:33 nested deeper than 32 levels, the limit");
}

}  // namespace
}  // namespace preforkd
