// See iso_2022_jp_decoder.h.
#include "postoffice/iso_2022_jp_decoder.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {

constexpr char escape = '\x1B';

char with_high_bit(char octet) {
  return static_cast<char>(static_cast<unsigned char>(octet) | 0x80U);
}

/// The signs of JIS X 0208 that EUC-JP-MS reads as Windows does.
std::string_view jis_sign(char first, char second) {
  using Sign = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Sign, 6> signs = {{{"!A", "\xE3\x80\x9C"},  // wave dash
                                          {"!B", "\xE2\x80\x96"},  // double vertical line
                                          {"!]", "\xE2\x88\x92"},  // minus
                                          {"!q", "\xC2\xA2"},      // cent
                                          {"!r", "\xC2\xA3"},      // pound
                                          {"\"L", "\xC2\xAC"}}};   // not
  for (const auto& [octets, sign] : signs) {
    if (octets[0] == first && octets[1] == second) return sign;
  }
  return {};
}

}  // namespace

bool Iso2022JpDecoder::decodes(std::string_view set) {
  return equals_ignoring_case(set, "ISO-2022-JP") || equals_ignoring_case(set, "ISO2022JP") ||
         equals_ignoring_case(set, "CSISO2022JP");
}

void Iso2022JpDecoder::feed(std::string_view piece, std::string& out) {
  for (const char octet : piece) take(octet, out);
  euc_.flush(out);
}

void Iso2022JpDecoder::take(char octet, std::string& out) {
  if (!escape_.empty()) return take_escape(octet, out);
  const bool is_double = set_ == Set::kanji || set_ == Set::further_kanji;
  if (octet == escape || octet == '\n' || octet == '\r') {
    if (std::exchange(first_, '\0') != 0) replace(out);
    // A line that does not end in ASCII must not spoil the next one.
    if (octet != escape) {
      set_ = Set::ascii;
      take_ascii(octet, out);
    } else {
      escape_ = octet;
    }
    return;
  }
  if (static_cast<unsigned char>(octet) >= 0x80) {
    if (std::exchange(first_, '\0') != 0) replace(out);
    euc_.add(octet, out);
  } else if (octet <= ' ' || octet == '\x7F') {
    if (std::exchange(first_, '\0') != 0) replace(out);
    take_ascii(octet, out);
  } else if (is_double) {
    take_kanji(octet, out);
  } else if (set_ == Set::kana && octet < '\x60') {
    euc_.add('\x8E', out);
    euc_.add(with_high_bit(octet), out);
  } else {
    take_ascii(octet, out);
  }
}

void Iso2022JpDecoder::take_ascii(char octet, std::string& out) {
  euc_.end(out);
  if (set_ == Set::roman && octet == '\\') {
    out += "\xC2\xA5";  // yen
  } else if (set_ == Set::roman && octet == '~') {
    out += "\xE2\x80\xBE";  // overline
  } else {
    out += octet;
  }
}

void Iso2022JpDecoder::take_kanji(char octet, std::string& out) {
  if (first_ == 0) {
    first_ = octet;
    return;
  }
  const char first = std::exchange(first_, '\0');
  const std::string_view sign = set_ == Set::kanji ? jis_sign(first, octet) : std::string_view();
  if (!sign.empty()) {
    euc_.end(out);
    out += sign;
    return;
  }
  if (set_ == Set::further_kanji) euc_.add('\x8F', out);
  euc_.add(with_high_bit(first), out);
  euc_.add(with_high_bit(octet), out);
}

void Iso2022JpDecoder::take_escape(char octet, std::string& out) {
  constexpr auto sequences =
      std::to_array<std::pair<std::string_view, Set>>({{"\x1B(B", Set::ascii},
                                                       {"\x1B(J", Set::roman},
                                                       {"\x1B(H", Set::roman},
                                                       {"\x1B(I", Set::kana},
                                                       {"\x1B$@", Set::kanji},
                                                       {"\x1B$B", Set::kanji},
                                                       {"\x1B$(@", Set::kanji},
                                                       {"\x1B$(B", Set::kanji},
                                                       {"\x1B$(D", Set::further_kanji}});
  escape_ += octet;
  for (const auto& [sequence, set] : sequences) {
    if (sequence == escape_) {
      escape_.clear();
      set_ = set;
      return;
    }
  }
  const bool goes_on = std::any_of(sequences.begin(), sequences.end(), [this](const auto& one) {
    return one.first.starts_with(escape_);
  });
  if (goes_on) return;
  // It is none: what stands behind the escape is text.
  const std::string text = std::exchange(escape_, {}).substr(1);
  replace(out);
  for (const char c : text) take(c, out);
}

void Iso2022JpDecoder::replace(std::string& out) {
  euc_.end(out);
  out += replacement_character;
  ++replaced_;
}

void Iso2022JpDecoder::finish(std::string& out) {
  if (!escape_.empty() || first_ != 0) replace(out);
  euc_.end(out);
  escape_.clear();
  first_ = 0;
  set_ = Set::ascii;
}

}  // namespace smtpgate::postoffice
