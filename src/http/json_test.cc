#include <gtest/gtest.h>

#include "http/api_keys.h"
#include "http/http_error.h"
#include "http/json_value.h"
#include "http/json_writer.h"

namespace narabi::http {
namespace {

std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, limits);
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.field() + "|" + error.what();
  }
  return "accepted";
}

TEST(JsonWriter, doubles_have_a_point_so_that_typed_readers_see_doubles) {
  JsonWriter json;
  json.begin_array().number(1.0).number(0.0).number(0.25f).number(1e300).integer(1).end_array();
  EXPECT_EQ(json.take(), "[1.0,0.0,0.25,1e+300,1]");
}

TEST(JsonWriter, escapes_what_json_wants_escaped_and_puts_commas_between) {
  JsonWriter json;
  json.begin_object().key("a\"").text("京都\n\x01\\").key("b").begin_array().end_array();
  json.key("c").null().key("d").flag(true).end_object();
  EXPECT_EQ(json.take(), R"({"a\"":"京都\n\u0001\\","b":[],"c":null,"d":true})");
}

TEST(JsonValue, comes_back_as_it_was) {
  const std::string text = R"({"a":[1,2.5,"x",null,true],"b":{"c":"\n"}})";
  EXPECT_EQ(to_json(parse_json(text)), text);
}

TEST(JsonValue, gives_numbers_back_digit_by_digit) {
  for (const char* text : {"1234567890123456789", "-9007199254740993", "18446744073709551615",
                           "123456789012345678901234567890", "1.0", "1e5", "-0.10"})
    EXPECT_EQ(to_json(parse_json(text)), text);
}

TEST(JsonValue, names_the_place_of_a_key_that_stands_twice) {
  EXPECT_EQ(refusal(R"({"a":1,"a":2})").substr(0, 2), "a|");
  EXPECT_EQ(refusal(R"({"d":["x",{"text":1,"text":2}]})").substr(0, 10), "d[1].text|");
  EXPECT_EQ(refusal(R"({"q":0,"a":{"b":1,"c":2,"b":3}})").substr(0, 4), "a.b|");
  EXPECT_EQ(refusal(R"({"a":{"b":1},"b":{"b":2}})"), "accepted");
}

TEST(JsonValue, is_bounded_in_depth_and_values) {
  EXPECT_EQ(refusal("[[[1]]]", {.depth = 3}), "accepted");
  EXPECT_NE(refusal("[[[[1]]]]", {.depth = 3}), "accepted");
  EXPECT_NE(refusal("[1,2,3,4]", {.depth = 3, .values = 4}), "accepted");
}

TEST(JsonValue, refuses_what_no_double_holds_and_what_is_not_utf8) {
  EXPECT_NE(refusal("1e999"), "accepted");
  EXPECT_NE(refusal("\"\xff\""), "accepted");
  EXPECT_NE(refusal(R"("\ud800")"), "accepted");
  EXPECT_NE(refusal("[1] 2"), "accepted");
}

TEST(ApiKeys, are_compared_whole) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  for (const char* other : {"", "ab", "abcd", "abd", "abcabc"})
    EXPECT_FALSE(same_secret(other, "abc"));
  EXPECT_FALSE(is_known("", {""}));
  EXPECT_TRUE(is_known("b", {"a", "b"}));
}

}  // namespace
}  // namespace narabi::http
