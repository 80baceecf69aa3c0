// Parameters: see the header.
#include "converter/parameter_encoder.h"

#include <algorithm>

#include "converter/encoded_word_encoder.h"
#include "converter/header_writer.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_piece = 72;

/// RFC 2231, 7: attribute-char.
bool is_attribute_octet(char c) {
  return c > ' ' && c <= '~' &&
         std::string_view("*'%()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result += '"';
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    if (is_attribute_octet(c)) {
      result += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    result += '%';
    result += digits[octet >> 4];
    result += digits[octet & 15];
  }
  return result;
}

}  // namespace

bool is_mime_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c <= '~' &&
           std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
  });
}

std::vector<std::string> encode_parameter(std::string_view name, std::string_view value) {
  return encode_exact_parameter(name, one_line(value));
}

std::vector<std::string> encode_exact_parameter(std::string_view name, std::string_view value) {
  const std::string plain = std::string(name) + "=";
  const bool is_ascii = postoffice::end_of_ascii(value, 0) == value.size();
  if (is_ascii && !looks_encoded(value) && trim(value).size() == value.size() &&
      one_line(value) == value) {
    // Some readers take these octets for RFC 2231 wherever they stand without quotes.
    const bool bare = is_mime_token(value) && value.find_first_of("*'%") == std::string::npos;
    std::string piece = plain + (bare ? std::string(value) : quoted(value));
    if (piece.size() <= longest_piece) return {std::move(piece)};
  }
  const std::string whole = percent_encoded(value);
  if (name.size() + 9 + whole.size() <= longest_piece) {
    return {std::string(name) + "*=UTF-8''" + whole};
  }
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < value.size();) {
    std::string piece = std::string(name) + "*" + std::to_string(pieces.size()) + "*=";
    if (pieces.empty()) piece += "UTF-8''";
    while (at < value.size()) {
      const std::size_t length = postoffice::utf8_character(value, at).length;
      const std::string next = percent_encoded(value.substr(at, length));
      if (piece.size() + next.size() > longest_piece) break;
      piece += next;
      at += length;
    }
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace smtpgate::converter
