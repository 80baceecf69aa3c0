// Properties: what must hold for every value, tried with many that rapidcheck makes. A property is
// a callable that draws its values (`*octets()`) and says what must hold by RC_ASSERT. A failure is
// made as small as it gets before it is shown.
//
// The same values in every run, so that a test does not fail by chance. SMTPGATE_PROPERTY_TIMES
// multiplies the number of tries, SMTPGATE_PROPERTY_SEED chooses others; a failure shows both.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "unit/catch.h"

namespace smtpgate::test {

inline std::uint64_t property_setting(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

/// Tries `property` with `tries` values; `largest` is about the most elements that they have.
template <typename Property>
void check_property(int tries, int largest, Property&& property) {
  class Silent : public rc::detail::TestListener {
   public:
    void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
    void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
    void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
  };
  const std::uint64_t times = property_setting("SMTPGATE_PROPERTY_TIMES", 1);
  rc::detail::TestParams parameters;
  parameters.seed = property_setting("SMTPGATE_PROPERTY_SEED", 1);
  parameters.maxSuccess = tries * static_cast<int>(times);
  parameters.maxSize = largest;
  Silent listener;
  const auto result = rc::detail::checkProperty(
      rc::detail::toProperty(std::forward<Property>(property)), {}, parameters, listener, {});
  if (result.template is<rc::detail::SuccessResult>()) {
    SUCCEED();
    return;
  }
  std::ostringstream told;
  rc::detail::printResultMessage(result, told);
  FAIL(told.str() << "\nagain: SMTPGATE_PROPERTY_SEED=" << parameters.seed
                  << " SMTPGATE_PROPERTY_TIMES=" << times);
}

/// Any of `pieces`, any number of times, joined.
inline rc::Gen<std::string> joined_from(std::vector<std::string> pieces) {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::move(pieces))),
      [](const std::vector<std::string>& chosen) {
        std::string text;
        for (const std::string& one : chosen) text += one;
        return text;
      });
}

/// Octets of every kind: noise, runs, and what is special to some encoding.
inline rc::Gen<std::string> octets() {
  using namespace std::string_literals;
  return rc::gen::oneOf(rc::gen::container<std::string>(rc::gen::arbitrary<char>()),
                        rc::gen::container<std::string>(rc::gen::inRange('\0', '\4')),
                        joined_from({"\0"s,
                                     "\x90",
                                     "\x90\x90",
                                     "=",
                                     ".",
                                     "\r\n",
                                     "\n",
                                     "\r",
                                     " ",
                                     "\t",
                                     "a",
                                     "`",
                                     "end\r\n",
                                     "begin 644 x\r\n",
                                     "=yend",
                                     "From ",
                                     "--",
                                     "\xFF",
                                     "\x1A",
                                     std::string(100, 'r'),
                                     std::string(300, '\0')}));
}

/// UTF-8 without control characters, with characters of every length.
inline rc::Gen<std::string> printable_text() {
  return joined_from({"a",
                      "B",
                      "7",
                      " ",
                      "  ",
                      "\"",
                      "\\",
                      ";",
                      "'",
                      "%",
                      "*",
                      "=",
                      "?",
                      "=?",
                      "?=",
                      "_",
                      "(",
                      ")",
                      "<",
                      ">",
                      "@",
                      ",",
                      ":",
                      "/",
                      "^",
                      "^0D",
                      "^5E",
                      ".",
                      "-",
                      "\xC3\xBC",
                      "\xC2\xA0",
                      "\xE2\x82\xAC",
                      "\xF0\x9F\x93\x8E",
                      "%C3%BC",
                      "=?UTF-8?Q?=41?=",
                      "long-word",
                      "long-word-long-word-long-word"});
}

/// `text` in pieces of random sizes.
inline std::vector<std::string> cut_anywhere(const std::string& text) {
  const auto sizes = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 90)));
  std::vector<std::string> pieces;
  std::size_t at = 0;
  for (std::size_t i = 0; at < text.size(); at += sizes[i++ % sizes.size()]) {
    pieces.push_back(text.substr(at, sizes[i % sizes.size()]));
  }
  return pieces;
}

}  // namespace smtpgate::test
