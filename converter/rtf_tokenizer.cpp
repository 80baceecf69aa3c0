// RtfTokenizer: one state, one octet; runs of text at once.
#include "converter/rtf_tokenizer.h"

#include <algorithm>
#include <limits>

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_word = 32;  // the specification's own limit
constexpr std::int64_t largest_parameter = std::numeric_limits<std::int32_t>::max();

int digit_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void RtfTokenizer::feed(std::string_view piece) {
  for (std::size_t at = 0; at < piece.size();) {
    if (state_ == State::text) {
      at += take_text(piece.substr(at));
    } else if (state_ == State::binary) {
      const auto count = std::min<std::uint64_t>(binary_left_, piece.size() - at);
      binary_left_ -= count;
      at += count;
      if (binary_left_ == 0) state_ = State::text;
    } else if (take(piece[at])) {
      ++at;
    }
  }
}

/// How many octets were taken; at least one.
std::size_t RtfTokenizer::take_text(std::string_view rest) {
  const std::size_t end = std::min(rest.find_first_of("\\{}\r\n"), rest.size());
  if (end > 0) {
    handler_.text(rest.substr(0, end));
    return end;
  }
  switch (rest.front()) {
    case '\\':
      state_ = State::backslash;
      break;
    case '{':
      handler_.begin_group();
      break;
    case '}':
      handler_.end_group();
      break;
    default:
      break;  // line ends in the file mean nothing
  }
  return 1;
}

/// False if `c` is to be looked at again in the new state.
bool RtfTokenizer::take(char c) {
  switch (state_) {
    case State::backslash:
      if (is_ascii_alpha(c)) {
        word_.assign(1, c);
        parameter_ = 0;
        has_parameter_ = false;
        is_negative_ = false;
        state_ = State::word;
      } else if (c == '\'') {
        state_ = State::first_digit;
      } else {
        state_ = State::text;
        handler_.control_symbol(c);
      }
      return true;
    case State::word:
      if (is_ascii_alpha(c)) {
        // A longer one is none that we know; it must not become one by being cut.
        if (word_.size() <= longest_word) word_ += c;
        return true;
      }
      if (c == '-' || is_ascii_digit(c)) {
        state_ = State::parameter;
        is_negative_ = c == '-';
        return c == '-';
      }
      end_word();
      return c == ' ';
    case State::parameter:
      if (is_ascii_digit(c)) {
        has_parameter_ = true;
        parameter_ = std::min(parameter_ * 10 + (c - '0'), largest_parameter);
        return true;
      }
      end_word();
      return c == ' ';
    case State::first_digit:
      high_digit_ = digit_value(c);
      state_ = high_digit_ < 0 ? State::text : State::second_digit;
      return high_digit_ >= 0;
    case State::second_digit: {
      const int low = digit_value(c);
      state_ = State::text;
      if (low < 0) return false;
      handler_.octet(static_cast<char>(high_digit_ * 16 + low));
      return true;
    }
    default:
      return true;
  }
}

void RtfTokenizer::end_word() {
  state_ = State::text;
  if (word_ == "bin") {
    binary_left_ = is_negative_ ? 0 : static_cast<std::uint64_t>(parameter_);
    if (binary_left_ > 0) state_ = State::binary;
    return;
  }
  std::optional<std::int32_t> parameter;
  if (has_parameter_) {
    parameter = static_cast<std::int32_t>(is_negative_ ? -parameter_ : parameter_);
  }
  handler_.control_word(word_, parameter);
}

void RtfTokenizer::finish() {
  if (state_ == State::word || state_ == State::parameter) end_word();
  state_ = State::text;
}

}  // namespace smtpgate::converter
