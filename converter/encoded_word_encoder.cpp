// Encoded words: see the header.
#include "converter/encoded_word_encoder.h"

#include <algorithm>

#include "converter/base64_encoder.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_word = 75;
constexpr std::string_view q_begin = "=?UTF-8?Q?";
constexpr std::string_view b_begin = "=?UTF-8?B?";
constexpr std::string_view word_end = "?=";
constexpr std::size_t frame = q_begin.size() + word_end.size();
/// One character of four octets, each as three.
constexpr std::size_t least_room = frame + 12;

bool is_q_literal(char c) {
  return is_ascii_alpha(c) || is_ascii_digit(c) || c == '!' || c == '*' || c == '+' || c == '-' ||
         c == '/';
}

std::size_t q_weight(std::string_view text) {
  const auto short_ones =
      std::count_if(text.begin(), text.end(), [](char c) { return is_q_literal(c) || c == ' '; });
  return text.size() * 3 - 2 * static_cast<std::size_t>(short_ones);
}

void append_q(std::string_view text, std::string& out) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (c == ' ') {
      out += '_';
    } else if (is_q_literal(c)) {
      out += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      out += '=';
      out += digits[octet >> 4];
      out += digits[octet & 15];
    }
  }
}

/// Octets of `text` for the next word: whole characters that fit `room` once encoded.
std::size_t take_characters(std::string_view text, bool use_q, std::size_t room) {
  std::size_t end = 0;
  std::size_t weight = frame;
  // Some readers join the base64 of neighbours before they decode it, and stop at padding: words of
  // whole groups of three have none.
  std::size_t whole_groups = 0;
  while (end < text.size()) {
    const std::size_t length = postoffice::utf8_character(text, end).length;
    const std::size_t next =
        use_q ? weight + q_weight(text.substr(end, length)) : frame + (end + length + 2) / 3 * 4;
    if (next > room) return use_q || whole_groups == 0 ? end : whole_groups;
    weight = next;
    end += length;
    if (end % 3 == 0) whole_groups = end;
  }
  return end;
}

}  // namespace

std::vector<std::string> encode_words(std::string_view text, std::size_t first_room) {
  const bool use_q = q_weight(text) <= (text.size() + 2) / 3 * 4;
  std::vector<std::string> words;
  std::size_t room = first_room < least_room ? longest_word : std::min(first_room, longest_word);
  while (!text.empty()) {
    const std::string_view taken = text.substr(0, take_characters(text, use_q, room));
    std::string word(use_q ? q_begin : b_begin);
    if (use_q) {
      append_q(taken, word);
    } else {
      word += base64(taken);
    }
    words.push_back(word += word_end);
    text.remove_prefix(taken.size());
    room = longest_word;
  }
  return words;
}

bool looks_encoded(std::string_view text) {
  return text.find("=?") != std::string_view::npos;
}

}  // namespace smtpgate::converter
