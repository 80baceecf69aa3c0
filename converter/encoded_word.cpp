// Encoded words: see the header. Two parts: finding the words (EncodedWordFinder), and putting
// together the text, where neighbours of the same set are joined as octets before they are decoded,
// because many programs cut characters, and some cut base64, at a word's border.
#include "converter/encoded_word.h"

#include <algorithm>

#include "converter/mail_charset.h"
#include "converter/mail_text_decoder.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t npos = std::string_view::npos;
/// Longer names are no sets; it also bounds the look ahead at each "=?".
constexpr std::size_t longest_charset = 80;

bool is_charset_octet(char c) {
  return is_ascii_alpha(c) || is_ascii_digit(c) || std::string_view("-_.:+'()*").find(c) != npos;
}

/// "=?charset?X?" at the front of `text`; the word's text follows it.
struct Opening {
  std::string_view charset;
  char encoding = 'q';
  std::size_t length = 0;
};

std::optional<Opening> opening_at(std::string_view text) {
  if (text.substr(0, 2) != "=?") return std::nullopt;
  std::size_t end = 2;
  while (end < text.size() && end < longest_charset + 2 && is_charset_octet(text[end])) ++end;
  const std::string_view charset = text.substr(2, end - 2);
  // Some programs put blanks behind the charset.
  while (end > 2 && end < text.size() && end < longest_charset + 2 && is_blank(text[end])) ++end;
  if (charset.empty() || text.size() < end + 3 || text[end] != '?' || text[end + 2] != '?') {
    return std::nullopt;
  }
  const char encoding = ascii_lower(text[end + 1]);
  if (encoding != 'q' && encoding != 'b') return std::nullopt;
  return Opening{charset.substr(0, charset.find('*')), encoding, end + 3};
}

int hex_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_ascii_digit(c)) return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

/// RFC 2047, 4.2. An equals sign without two digits stays. False if something was forgiven.
bool decode_q(std::string_view text, std::string& out) {
  bool fine = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '_') {
      out += ' ';
      continue;
    }
    if (text[at] == '=') {
      const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
      const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        at += 2;
        continue;
      }
      fine = false;
    }
    out += text[at];
  }
  return fine;
}

/// Base64 over the words of one run. Stray octets are skipped, missing padding is no loss, and a
/// group of four that a word's border cuts goes on in the next word.
class Base64Words {
 public:
  /// False if something was forgiven.
  bool decode(std::string_view text, std::string& out) {
    bool fine = true;
    if (count_ > 0) {
      fine = false;
      const auto letters = static_cast<std::size_t>(std::count_if(
          text.begin(), text.end(), [](char c) { return base64_value(c) >= 0 || c == '='; }));
      const bool goes_on = letters % 4 != 0 && (count_ + letters) % 4 == 0;
      if (!goes_on) end_group(out);
    }
    for (const char c : text) {
      const int value = base64_value(c);
      if (value >= 0) {
        bits_ = (bits_ << 6) | static_cast<unsigned>(value);
        if (++count_ == 4) end_group(out);
      } else if (c == '=') {
        end_group(out);
      } else {
        fine = false;
      }
    }
    return fine;
  }

  /// Writes the whole octets of a group that is cut short; false if there was one.
  bool end_group(std::string& out) {
    const unsigned bits = bits_ << (6 * (4 - count_) % 24);
    const unsigned octets = count_ == 0 ? 0 : count_ - 1;
    for (unsigned index = 0; index < octets; ++index) {
      out += static_cast<char>(static_cast<unsigned char>(bits >> (16 - 8 * index)));
    }
    const bool whole = count_ == 0 || count_ == 4;
    bits_ = 0;
    count_ = 0;
    return whole;
  }

 private:
  unsigned bits_ = 0;
  unsigned count_ = 0;
};

/// These say all they mean in each word: a shift state or a byte order mark of its own.
bool is_joinable(std::string_view charset) {
  for (std::string_view own_state : {"UTF-7", "UTF7", "UTF-16", "UTF16", "UTF-32", "UTF32"}) {
    if (starts_with_ignoring_case(charset, own_state)) return false;
  }
  return true;
}

bool is_blank_only(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == npos;
}

class Composer {
 public:
  void add_literal(std::string_view text);
  void add_word(const EncodedWord& word);
  DecodedText finish();

 private:
  void end_run();
  void append_raw(std::string_view text);

  DecodedText result_;
  std::string_view run_charset_;
  std::string run_octets_;
  Base64Words base64_;
  bool in_run_ = false;
  std::string_view blanks_;  ///< behind the last word: dropped if another word follows
  std::optional<postoffice::CharacterDecoder> latin_;
};

/// Raw octets of the header: UTF-8 as it is, the others one by one as windows-1252.
void Composer::append_raw(std::string_view text) {
  if (guess_charset(text) == "ISO-2022-JP") {
    result_.text += decode_labelled(text, "ISO-2022-JP", &result_.replaced);
    result_.odd = true;
    return;
  }
  while (!text.empty()) {
    const std::size_t good = postoffice::valid_utf8_prefix(text);
    result_.text.append(text.substr(0, good));
    text.remove_prefix(good);
    if (text.empty()) return;
    const std::size_t bad = postoffice::utf8_character(text, 0).length;
    if (!latin_) latin_ = postoffice::CharacterDecoder::open("windows-1252");
    if (latin_) latin_->feed(text.substr(0, bad), result_.text);
    text.remove_prefix(bad);
    result_.odd = true;
  }
}

void Composer::end_run() {
  if (!in_run_) return;
  in_run_ = false;
  if (!base64_.end_group(run_octets_)) result_.odd = true;
  result_.text += decode_labelled(run_octets_, run_charset_, &result_.replaced, &result_.odd);
  run_octets_.clear();
}

void Composer::add_literal(std::string_view text) {
  if (text.empty()) return;
  if (in_run_ && is_blank_only(text)) {
    blanks_ = text;
    return;
  }
  if (in_run_ && !is_blank(text.front())) result_.odd = true;
  end_run();
  append_raw(text);
}

void Composer::add_word(const EncodedWord& word) {
  const bool joins =
      in_run_ && is_joinable(word.charset) && equals_ignoring_case(word.charset, run_charset_);
  if (in_run_ && blanks_.empty()) result_.odd = true;
  blanks_ = {};
  if (!joins) {
    end_run();
    in_run_ = true;
    run_charset_ = word.charset;
  }
  if (!word.is_closed || word.has_blanks) result_.odd = true;
  bool fine = true;
  if (word.encoding == 'b') {
    fine = base64_.decode(word.text, run_octets_);
  } else {
    fine = base64_.end_group(run_octets_);
    fine = decode_q(word.text, run_octets_) && fine;
  }
  if (!fine) result_.odd = true;
}

DecodedText Composer::finish() {
  const std::string_view blanks = blanks_;
  const bool after_word = in_run_;
  end_run();
  if (after_word) result_.text += blanks;
  if (latin_) result_.replaced += latin_->replaced();
  return std::move(result_);
}

}  // namespace

std::size_t EncodedWordFinder::next_closing(std::size_t from) {
  if (!closing_ || (*closing_ < from && *closing_ != npos)) closing_ = value_.find("?=", from);
  return *closing_;
}

std::size_t EncodedWordFinder::next_blank(std::size_t from) {
  if (!blank_ || (*blank_ < from && *blank_ != npos)) blank_ = value_.find_first_of(" \t", from);
  return *blank_;
}

std::optional<EncodedWord> EncodedWordFinder::at(std::size_t at) {
  const std::optional<Opening> opening = opening_at(value_.substr(at));
  if (!opening) return std::nullopt;
  EncodedWord word{opening->charset, opening->encoding, {}, at, 0, true, false};
  const std::size_t text_begin = at + opening->length;
  const std::size_t closing = next_closing(text_begin);
  const std::size_t blank = next_blank(text_begin);
  // Blanks inside are forgiven, but not another word's opening: then this one lacks its end.
  const std::string_view within = value_.substr(0, closing);
  std::size_t next = within.find("=?", text_begin);
  while (next != npos && !opening_at(value_.substr(next))) next = within.find("=?", next + 1);
  std::size_t text_end = closing;
  if (closing == npos || next != npos) {
    if (charset_for_label(word.charset).guessed) return std::nullopt;
    word.is_closed = false;
    text_end = std::min({next, blank, value_.size()});
    word.end = text_end;
  } else {
    word.has_blanks = blank < closing;
    word.end = closing + 2;
  }
  word.text = value_.substr(text_begin, text_end - text_begin);
  if (!word.is_closed && !word.text.empty() && word.text.back() == '?') word.text.remove_suffix(1);
  return word;
}

DecodedText decode_header_text(std::string_view value) {
  // Most values: neither words, nor octets or escapes of other sets.
  const bool is_plain = is_ascii(value) && value.find("=?") == npos && value.find('\x1B') == npos;
  if (is_plain) return {std::string(value)};
  EncodedWordFinder finder(value);
  Composer composer;
  std::size_t literal = 0;
  std::size_t at = value.find("=?");
  while (at != npos) {
    const std::optional<EncodedWord> word = finder.at(at);
    if (!word) {
      at = value.find("=?", at + 1);
      continue;
    }
    composer.add_literal(value.substr(literal, at - literal));
    composer.add_word(*word);
    literal = word->end;
    at = value.find("=?", literal);
  }
  composer.add_literal(value.substr(literal));
  return composer.finish();
}

}  // namespace smtpgate::converter
