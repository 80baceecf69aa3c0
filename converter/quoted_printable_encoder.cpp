// quoted-printable: see the header.
#include "converter/quoted_printable_encoder.h"

#include "converter/count_octets.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_line = 76;
constexpr std::string_view from_line = "From ";

bool is_literal(char c) {
  return (c >= ' ' && c <= '~' && c != '=') || c == '\t';
}

}  // namespace

void QuotedPrintableEncoder::put(char c, bool encoded, std::string& out) {
  const std::size_t width = encoded ? 3 : 1;
  // One column stays free for the '=' of a soft line break.
  if (column_ + width > longest_line - 1) {
    out += "=\r\n";
    column_ = 0;
  }
  if (encoded) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto value = static_cast<unsigned char>(c);
    out += '=';
    out += digits[value >> 4];
    out += digits[value & 15];
  } else {
    out += c;
  }
  column_ += width;
}

/// What was held back for a "From " that did not come: letters.
void QuotedPrintableEncoder::end_held(std::string& out) {
  for (const char c : held_) put(c, false, out);
  held_.clear();
}

/// What comes next begins a line, if need be after a soft line break.
bool QuotedPrintableEncoder::at_start() const {
  return column_ == 0 || column_ == longest_line - 1;
}

void QuotedPrintableEncoder::octet(char c, std::string& out) {
  if (c == '\n') {
    end_held(out);
    if (blank_ != '\0') put(blank_, true, out);
    blank_ = '\0';
    out += "\r\n";
    column_ = 0;
    return;
  }
  if (blank_ != '\0') {
    put(blank_, false, out);
    blank_ = '\0';
  }
  if (held_.empty() ? c == 'F' && at_start() : c == from_line[held_.size()]) {
    held_ += c;
    if (held_ != from_line) return;
    held_.clear();
    put('F', true, out);
    for (const char letter : std::string_view("rom")) put(letter, false, out);
    blank_ = ' ';  // it may be the line's last octet
    return;
  }
  end_held(out);
  if (is_blank(c)) {
    blank_ = c;
    return;
  }
  put(c, !is_literal(c) || (c == '.' && at_start()), out);
}

void QuotedPrintableEncoder::feed(std::string_view piece, std::string& out) {
  for (const char c : piece) octet(c, out);
}

void QuotedPrintableEncoder::finish(std::string& out) {
  end_held(out);
  if (blank_ != '\0') put(blank_, true, out);
  blank_ = '\0';
  column_ = 0;
}

std::size_t quoted_printable_weight(std::string_view text) {
  const std::size_t plain = count_octets(
      text, [](unsigned char c) { return is_literal(static_cast<char>(c)) || c == '\n'; });
  return text.size() * 3 - 2 * plain;
}

}  // namespace smtpgate::converter
