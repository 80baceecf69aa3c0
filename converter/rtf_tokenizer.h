// RTF as a stream of tokens: groups, control words, symbols, text and octets. Octets in, in pieces
// of any size; at most one control word is held. Not for what a word means (rtf_to_text.h).
//
// Source: Rich Text Format Specification 1.9.1, "RTF Syntax".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class RtfHandler {
 public:
  virtual ~RtfHandler() = default;
  virtual void begin_group() = 0;
  virtual void end_group() = 0;
  /// "par"; `parameter` is nullopt if there is none.
  virtual void control_word(std::string_view word, std::optional<std::int32_t> parameter) = 0;
  /// The character behind a backslash that is no letter: '*', '~', '\n' ...
  virtual void control_symbol(char symbol) = 0;
  /// Octets of the document's character set, as they stand.
  virtual void text(std::string_view octets) = 0;
  /// One octet written as \'xx.
  virtual void octet(char octet) = 0;
};

class RtfTokenizer {
 public:
  /// `handler` outlives the tokenizer.
  explicit RtfTokenizer(RtfHandler& handler) : handler_(handler) {}

  void feed(std::string_view piece);
  void finish();

 private:
  enum class State { text, backslash, word, parameter, first_digit, second_digit, binary };
  std::size_t take_text(std::string_view rest);
  bool take(char c);
  void end_word();

  RtfHandler& handler_;
  State state_ = State::text;
  std::string word_;
  std::int64_t parameter_ = 0;
  bool has_parameter_ = false;
  bool is_negative_ = false;
  int high_digit_ = 0;
  std::uint64_t binary_left_ = 0;
};

}  // namespace smtpgate::converter
