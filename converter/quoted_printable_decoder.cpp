// See quoted_printable_decoder.h.
#include "converter/quoted_printable_decoder.h"

#include <array>
#include <cstring>

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

// What lies between '=' signs is copied in runs; only the specials at the end of a line or of a
// piece, whose meaning what follows decides, go through the states one by one. Each octet is looked
// at a fixed number of times whatever the input: line() always consumes its line or its piece.
void QuotedPrintableDecoder::feed(std::string_view piece, std::string& out) {
  std::size_t at = 0;
  while (at < piece.size()) {
    if (place_ == Place::text) {
      at += line(piece.substr(at), out);
    } else if (step(piece[at], out)) {
      ++at;
    }
  }
}

std::size_t QuotedPrintableDecoder::line(std::string_view piece, std::string& out) {
  const void* const found = std::memchr(piece.data(), '\n', piece.size());
  const std::size_t end =
      found == nullptr ? piece.size()
                       : static_cast<std::size_t>(static_cast<const char*>(found) - piece.data());
  const std::string_view whole = piece.substr(0, end);
  std::size_t text_end = whole.size();
  while (text_end > 0 && is_special(whole[text_end - 1])) --text_end;
  // "=4" at the end of a piece may be the beginning of an escape.
  const bool is_cut = found == nullptr && text_end == whole.size();
  if (is_cut && text_end >= 2 && whole[text_end - 2] == '=') text_end -= 2;
  decode_run(whole.substr(0, text_end), out);

  const std::string_view rest = whole.substr(text_end);
  if (found != nullptr && (rest.empty() || rest == "\r")) {
    out += line_end_;
    return end + 1;
  }
  if (found != nullptr && rest == "=\r") return end + 1;
  for (const char c : rest) {
    while (!step(c, out)) {
    }
  }
  return end;
}

// `run` does not end inside an escape and has no line break.
void QuotedPrintableDecoder::decode_run(std::string_view run, std::string& out) {
  while (!run.empty()) {
    const std::size_t at = run.find('=');
    if (at == std::string_view::npos) break;
    if (run.size() - at > 2 && hex_value(run[at + 1]) >= 0 && hex_value(run[at + 2]) >= 0) {
      out.append(run, 0, at);
      out += static_cast<char>(hex_value(run[at + 1]) * 16 + hex_value(run[at + 2]));
      run.remove_prefix(at + 3);
    } else {
      ++errors_;
      out.append(run, 0, at + 1);
      run.remove_prefix(at + 1);
    }
  }
  out += run;
}

// What is held and then `c`. False: `c` is not used up, and what was held is done with.
bool QuotedPrintableDecoder::step(char c, std::string& out) {
  const bool in_blanks = place_ == Place::blanks || place_ == Place::soft_blanks;
  if (in_blanks && held_.size() >= longest_held) return keep_held(place_ != Place::blanks, out);
  switch (place_) {
    case Place::text:
      if (c == '=') return hold(c, Place::escape);
      if (c == '\r') return hold(c, Place::blanks_cr);
      if (is_blank(c)) return hold(c, Place::blanks);
      out += c;
      return true;
    case Place::blanks:
      if (is_blank(c)) return hold(c, Place::blanks);
      if (c == '\r') return hold(c, Place::blanks_cr);
      [[fallthrough]];
    case Place::blanks_cr:
      if (c != '\n') return keep_held(false, out);
      if (place_ == Place::blanks_cr) held_.pop_back();
      out += held_;
      out += line_end_;
      return drop_held();
    case Place::escape:
      if (hex_value(c) >= 0) return hold(c, Place::escape_hex);
      [[fallthrough]];
    case Place::soft_blanks:
      if (is_blank(c)) return hold(c, Place::soft_blanks);
      if (c == '\r') return hold(c, Place::soft_cr);
      [[fallthrough]];
    case Place::soft_cr:
      if (c != '\n') return keep_held(true, out);
      return drop_held();
    case Place::escape_hex:
      if (hex_value(c) < 0) return keep_held(true, out);
      out += static_cast<char>(hex_value(held_[1]) * 16 + hex_value(c));
      return drop_held();
  }
  return true;
}

bool QuotedPrintableDecoder::hold(char c, Place place) {
  held_ += c;
  place_ = place;
  return true;
}

bool QuotedPrintableDecoder::drop_held() {
  held_.clear();
  place_ = Place::text;
  return true;
}

bool QuotedPrintableDecoder::keep_held(bool is_error, std::string& out) {
  if (is_error) ++errors_;
  out += held_;
  drop_held();
  return false;
}

void QuotedPrintableDecoder::finish(std::string& out) {
  switch (place_) {
    case Place::escape_hex:
      keep_held(true, out);
      break;
    case Place::blanks:
    case Place::blanks_cr:
      keep_held(false, out);
      break;
    case Place::text:
    case Place::escape:
    case Place::soft_blanks:
    case Place::soft_cr:
      drop_held();
      break;
  }
}

}  // namespace smtpgate::converter
