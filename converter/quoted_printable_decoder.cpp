// See quoted_printable_decoder.h.
#include "converter/quoted_printable_decoder.h"

#include <array>

#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

// A run of blanks may be the end of a line and is held until it shows. Beyond this many it is
// handed on as text: no honest line is so long (RFC 5322, 2.1.1).
constexpr std::size_t longest_held = 998;

constexpr int hex_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

constexpr std::array<bool, 256> make_special() {
  std::array<bool, 256> special{};
  for (const char c : {'=', '\r', '\n', ' ', '\t'}) special[static_cast<unsigned char>(c)] = true;
  return special;
}
constexpr std::array<bool, 256> special = make_special();

bool is_special(char c) {
  return special[static_cast<unsigned char>(c)];
}

}  // namespace

void QuotedPrintableDecoder::feed(std::string_view piece, std::string& out) {
  std::size_t at = 0;
  while (at < piece.size()) {
    if (place_ == Place::text) {
      at += plain(piece.substr(at), out);
    } else if (take_held(piece[at], out)) {
      ++at;
    }
  }
}

// Text up to something that must be held; decodes whole escapes and line breaks on the way.
std::size_t QuotedPrintableDecoder::plain(std::string_view piece, std::string& out) {
  std::size_t begin = 0;
  std::size_t at = 0;
  while (at < piece.size()) {
    const char c = piece[at];
    const std::size_t rest = piece.size() - at;
    if (!is_special(c) || (is_blank(c) && rest > 1 && !is_special(piece[at + 1]))) {
      ++at;
      continue;
    }
    out.append(piece, begin, at - begin);
    begin = at;
    if (c == '\n' || (c == '\r' && rest > 1 && piece[at + 1] == '\n')) {
      out += line_end_;
      begin = at += c == '\n' ? 1 : 2;
    } else if (c == '=' && rest > 2 && hex_value(piece[at + 1]) >= 0 &&
               hex_value(piece[at + 2]) >= 0) {
      out += static_cast<char>(hex_value(piece[at + 1]) * 16 + hex_value(piece[at + 2]));
      begin = at += 3;
    } else if (c == '=' && rest > 2 && piece[at + 1] == '\r' && piece[at + 2] == '\n') {
      begin = at += 3;
    } else {
      hold(c, c == '=' ? Place::escape : c == '\r' ? Place::blanks_cr : Place::blanks);
      return at + 1;
    }
  }
  out.append(piece, begin, at - begin);
  return at;
}

// What is held and then `c`. False: `c` is not used up, and what was held is done with.
bool QuotedPrintableDecoder::take_held(char c, std::string& out) {
  const bool in_blanks = place_ == Place::blanks || place_ == Place::soft_blanks;
  if (in_blanks && held_.size() >= longest_held) return keep_held(place_ != Place::blanks, out);
  switch (place_) {
    case Place::blanks:
      if (is_blank(c)) return hold(c, Place::blanks), true;
      if (c == '\r') return hold(c, Place::blanks_cr), true;
      if (c != '\n') return keep_held(false, out);
      drop_held(Place::text);
      return false;  // plain() knows what a line feed is
    case Place::blanks_cr:
      if (c != '\n') return keep_held(false, out);
      drop_held(Place::text);
      out += line_end_;
      return true;
    case Place::escape:
      if (hex_value(c) >= 0) return hold(c, Place::escape_hex), true;
      [[fallthrough]];
    case Place::soft_blanks:
      if (is_blank(c)) return hold(c, Place::soft_blanks), true;
      if (c == '\r') return hold(c, Place::soft_cr), true;
      [[fallthrough]];
    case Place::soft_cr:
      if (c != '\n') return keep_held(true, out);
      drop_held(Place::text);
      return true;
    case Place::escape_hex:
      if (hex_value(c) < 0) return keep_held(true, out);
      out += static_cast<char>(hex_value(held_[1]) * 16 + hex_value(c));
      drop_held(Place::text);
      return true;
    case Place::text:
      break;
  }
  return false;
}

void QuotedPrintableDecoder::hold(char c, Place place) {
  held_ += c;
  place_ = place;
}

void QuotedPrintableDecoder::drop_held(Place place) {
  held_.clear();
  place_ = place;
}

bool QuotedPrintableDecoder::keep_held(bool is_error, std::string& out) {
  if (is_error) ++errors_;
  out += held_;
  drop_held(Place::text);
  return false;
}

void QuotedPrintableDecoder::finish(std::string& out) {
  switch (place_) {
    case Place::escape_hex:
      keep_held(true, out);
      break;
    case Place::blanks_cr:
      keep_held(false, out);
      break;
    case Place::text:
    case Place::blanks:
    case Place::escape:
    case Place::soft_blanks:
    case Place::soft_cr:
      drop_held(Place::text);
      break;
  }
}

}  // namespace smtpgate::converter
