// A text's traits, against the plain definition of each, however the text is cut into pieces.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "converter/text_survey.h"
#include "unit/catch.h"

namespace smtpgate::converter {
namespace {

struct Traits {
  std::uint64_t size, lines;
  bool ascii, gains, seven_bit, seven_bit_flowed, base64;

  bool operator==(const Traits&) const = default;
};

constexpr std::string_view boundary = "--=_b";

/// One octet after the other, as the header says it.
Traits expected(const std::string& text) {
  Traits traits{text.size(), 0, true, false, false, false, false};
  std::size_t weight = 0;
  std::size_t longest_line = 0;
  std::size_t longest_word = 0;
  bool controls = false, long_line = false, final_blank = false, from = false, marked = false;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    const bool is_plain = (c >= ' ' && c <= '~' && c != '=') || c == '\t' || c == '\n';
    weight += is_plain ? 1 : 3;
    traits.ascii = traits.ascii && octet < 0x80;
    controls = controls || (octet < ' ' && c != '\t' && c != '\f' && c != '\n') || octet == 0x7F;
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    ++traits.lines;
    longest_line = std::max(longest_line, line.size());
    for (std::size_t from_at = 0; from_at <= line.size();) {
      const std::size_t blank = std::min(line.find(' ', from_at), line.size());
      longest_word = std::max(longest_word, blank - from_at);
      from_at = blank + 1;
    }
    const auto characters = std::count_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    long_line = long_line || (characters > 78 && line.find(' ') != std::string::npos);
    final_blank = final_blank || (line.ends_with(' ') && line != "-- ");
    from = from || line.starts_with("From ");
    marked = marked || line.starts_with(boundary);
    at = end + 1;
  }
  traits.gains = long_line && !final_blank && longest_line <= 65'536;
  traits.seven_bit = traits.ascii && !controls && longest_line <= 998 && !from && !marked;
  traits.seven_bit_flowed = traits.ascii && !controls && longest_word <= 900;
  traits.base64 = (traits.size + traits.lines) * 4 / 3 * 78 / 76 < weight + weight / 75 * 3;
  return traits;
}

Traits found(const std::string& text, std::mt19937& random) {
  TextSurvey survey(boundary);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::uniform_int_distribution<std::size_t>(0, 700)(random);
    survey.feed(std::string_view(text).substr(at, size));
    at += size;
  }
  survey.finish();
  return {survey.size(),
          survey.lines(),
          survey.is_ascii(),
          survey.gains_by_flowing(),
          survey.is_seven_bit(false),
          survey.is_seven_bit(true),
          survey.prefers_base64()};
}

TEST_CASE("a text's traits are those of its octets, however it is cut") {
  std::mt19937 random(20'261'122);  // NOLINT: the same texts each time
  const std::vector<std::string> pieces = {
      "word", " ",  " ",  "\n",   "\n",   "-- \n", "From ",  "--=_b",  "\xC3", "\xA4",
      "=",    "\t", "\f", "\x01", "\x7F", " \n",   "From x", "--=_bx", "\n\n", "\xE2\x82\xAC"};
  int seen[5] = {};
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    // Few kinds at a time, so that each trait is had and missed.
    const int kinds = std::uniform_int_distribution<int>(1, 4)(random);
    std::vector<std::string> chosen;
    for (int i = 0; i < kinds; ++i) chosen.push_back(pieces[random() % pieces.size()]);
    chosen.push_back(std::string(random() % 3 == 0 ? random() % 1200 : random() % 30, 'x'));
    const auto count = random() % 60;
    for (std::uint64_t i = 0; i < count; ++i) text += chosen[random() % chosen.size()];
    const Traits wanted = expected(text);
    const Traits got = found(text, random);
    INFO(text);
    REQUIRE(got == wanted);
    const bool traits[] = {wanted.ascii, wanted.gains, wanted.seven_bit, wanted.seven_bit_flowed,
                           wanted.base64};
    for (int i = 0; i < 5; ++i) seen[i] += traits[i] ? 1 : 0;
  }
  for (const int times : seen) {
    CHECK(times > 100);
    CHECK(times < 3900);
  }
}

}  // namespace
}  // namespace smtpgate::converter
