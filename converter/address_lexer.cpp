// Address tokens: see the header.
#include "converter/address_lexer.h"

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr bool is_special(char c) {
  return c == '<' || c == '>' || c == ',' || c == ';' || c == ':' || c == '@';
}
/// A '(' without a partner may stand before others that have one, so a few are tried; each trial
/// may read to the end of the value.
constexpr int most_unclosed_comments = 3;

/// Backslashes taken out of a quoted string or comment (RFC 5322, 3.2.1).
std::string without_backslashes(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    result += text[at];
  }
  return result;
}

}  // namespace

/// The index of the ')' that closes the '(' at at_. Comments nest; quotes mean nothing in them.
std::optional<std::size_t> AddressLexer::end_of_comment() const {
  std::size_t depth = 0;
  for (std::size_t at = at_; at < value_.size(); ++at) {
    const char c = value_[at];
    if (c == '\\') {
      ++at;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      return at;
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> AddressLexer::end_of_quoted() const {
  for (std::size_t at = at_ + 1; at < value_.size(); ++at) {
    if (value_[at] == '\\') {
      ++at;
    } else if (value_[at] == '"') {
      return at;
    }
  }
  return std::nullopt;
}

/// What the bracket or quote at at_ encloses, unescaped; nullopt if it has no partner.
std::optional<std::string> AddressLexer::take_enclosed(char closing) {
  std::optional<std::size_t> end;
  if (closing == ')' && unclosed_comments_ < most_unclosed_comments) {
    end = end_of_comment();
    if (!end) ++unclosed_comments_;
  } else if (closing == '"' && !no_more_quotes_) {
    end = end_of_quoted();
    if (!end) no_more_quotes_ = true;
  } else if (closing == ']' && !no_more_literals_) {
    const std::size_t found = value_.find(']', at_);
    if (found == std::string_view::npos) {
      no_more_literals_ = true;
    } else {
      end = found;
    }
  }
  if (!end) return std::nullopt;
  const std::string_view inside = value_.substr(at_ + 1, *end - at_ - 1);
  at_ = *end + 1;
  return without_backslashes(inside);
}

/// Up to a blank or the start of another token. A bracket or quote without a partner that stands
/// first is part of it.
std::string AddressLexer::take_atom() {
  const std::size_t begin = at_;
  std::string text;
  for (; at_ < value_.size(); ++at_) {
    const char c = value_[at_];
    if (is_blank(c) || is_special(c)) break;
    if (at_ > begin && (c == '(' || c == '"' || c == '[')) break;
    if (at_ > begin && c == '=' && words_.at(at_)) break;
    if (c == '\\' && at_ + 1 < value_.size()) {
      ++at_;
      odd_ = true;
    }
    text += value_[at_];
  }
  return text;
}

AddressToken AddressLexer::next() {
  using Kind = AddressToken::Kind;
  AddressToken token;
  for (;;) {
    while (at_ < value_.size() && is_blank(value_[at_])) {
      token.after_blank = true;
      ++at_;
    }
    if (at_ >= value_.size()) return token;
    const char c = value_[at_];
    if (is_special(c)) {
      token.kind = Kind::special;
      token.text = c;
      ++at_;
      return token;
    }
    if (c != '(' && c != '"' && c != '[') break;
    const char closing = c == '(' ? ')' : c == '"' ? '"' : ']';
    if (std::optional<std::string> inside = take_enclosed(closing)) {
      token.kind = c == '(' ? Kind::comment : c == '"' ? Kind::quoted : Kind::literal;
      token.text = c == '[' ? '[' + *inside + ']' : std::move(*inside);
      return token;
    }
    odd_ = true;
    if (c != '"') break;
    ++at_;  // a quote says nothing without its partner
  }
  if (const std::optional<EncodedWord> word = words_.at(at_); word && word->is_closed) {
    token.kind = Kind::encoded_word;
    token.text = value_.substr(word->begin, word->end - word->begin);
    at_ = word->end;
    return token;
  }
  token.kind = Kind::atom;
  token.text = take_atom();
  return token;
}

}  // namespace smtpgate::converter
