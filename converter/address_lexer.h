// The tokens of RFC 5322 address syntax, found in one pass: address_list.cpp puts them together.
// Forgiving where a bracket or quote has no partner: it is then an ordinary character. Linear: what
// has no partner is not looked for again and again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "converter/encoded_word.h"

namespace smtpgate::converter {

struct AddressToken {
  enum class Kind {
    end,
    atom,          ///< anything else, dots included
    encoded_word,  ///< RFC 2047, still encoded
    quoted,        ///< without quotes and backslashes
    literal,       ///< domain literal, with its brackets
    comment,       ///< without the outer parentheses and backslashes
    special,       ///< one of < > , ; : @
  };
  Kind kind = Kind::end;
  std::string text;
  bool after_blank = false;  ///< a blank or a comment stands before it
  bool is(char c) const { return kind == Kind::special && text.front() == c; }
};

class AddressLexer {
 public:
  /// `value` unfolded; it must outlive the lexer.
  explicit AddressLexer(std::string_view value) : value_(value), words_(value) {}

  AddressToken next();
  bool odd() const { return odd_; }

 private:
  std::optional<std::size_t> end_of_comment() const;
  std::optional<std::size_t> end_of_quoted() const;
  std::optional<std::string> take_enclosed(char closing);
  std::string take_atom();

  std::string_view value_;
  EncodedWordFinder words_;
  std::size_t at_ = 0;
  bool odd_ = false;
  int unclosed_comments_ = 0;
  bool no_more_quotes_ = false;
  bool no_more_literals_ = false;
};

}  // namespace smtpgate::converter
