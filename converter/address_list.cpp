// Address lists of headers: see address_list.h. A list is taken member by member; a member is the
// words outside of angle brackets, what the brackets hold, and comments. What they mean together is
// decided when the member ends, so that order and missing marks matter little. No recursion: groups
// do not nest (RFC 5322, 3.4), and where they seem to, the inner name replaces the outer one.
//
// What words make a name or an address: address_words.cpp. Envelope paths and domains:
// address_path.cpp.
#include "converter/address_list.h"

#include <algorithm>
#include <utility>

#include "converter/address_words.h"
#include "converter/encoded_word.h"
#include "converter/header_field.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

using Kind = AddressToken::Kind;
using Tokens = AddressTokens;

/// The name is copied into each member, so a long one would multiply.
constexpr std::size_t longest_group = 256;
/// Parts of an unquoted name "Doe, John, Dr <...>" that are kept together.
constexpr std::size_t most_name_parts = 8;

class ListParser {
 public:
  ListParser(std::string_view value, std::size_t most, bool is_inner)
      : lexer_(value), most_(most), is_inner_(is_inner) {}

  AddressList run();

 private:
  void take_in_angle(AddressToken token);
  void take(AddressToken token);
  void open_angle();
  void take_colon();
  void end_group();
  bool take_told_address();
  void end_member(char separator);
  std::string take_name();
  void end_angle_member();
  void end_bare_address(std::size_t at);
  template <typename Belongs>
  bool end_addresses_without_commas(Belongs belongs);
  void end_words(char separator);
  bool end_hidden_address();
  void flush_parts();
  void emit_words(const Tokens& words, std::string comment);
  void emit(std::string name, InternetAddress address);
  void clear_member();
  std::string comment_name();
  void name_or_comment(std::string& name);
  InternetAddress angle_address();

  struct Part {
    Tokens words;
    std::string comment;
  };

  AddressLexer lexer_;
  std::size_t most_;
  bool is_inner_;  ///< the value is itself a decoded word: no further one is opened
  AddressList result_;

  std::vector<Part> parts_;  ///< members of words alone, which may begin a name with commas
  Tokens words_;
  std::size_t words_before_angle_ = 0;
  Tokens angle_;
  std::string comment_;
  bool has_angle_ = false;
  bool in_angle_ = false;
  bool blank_due_ = false;  ///< a comment stood here
  std::string group_;
  bool in_group_ = false;
  std::string group_text_;        ///< the group's name, not cut
  std::size_t before_group_ = 0;  ///< addresses
};

void ListParser::clear_member() {
  words_.clear();
  angle_.clear();
  comment_.clear();
  words_before_angle_ = 0;
  has_angle_ = false;
  in_angle_ = false;
}

void ListParser::emit(std::string name, InternetAddress address) {
  if (result_.addresses.size() >= most_) {
    result_.truncated = true;
    return;
  }
  if (address.local_part.empty()) {
    // None, or "@host": the beginning of a route (RFC 5322, 4.4) that lacks its brackets.
    result_.odd = true;
    return;
  }
  result_.addresses.push_back({std::move(name), std::move(address), group_});
}

/// The comment is the name where there is no other; else only the field itself tells it.
void ListParser::name_or_comment(std::string& name) {
  std::string comment = comment_name();
  if (name.empty()) {
    name = std::move(comment);
  } else if (!comment.empty()) {
    result_.says_more = true;
  }
}

std::string ListParser::comment_name() {
  DecodedText decoded = decode_header_text(comment_);
  result_.odd = result_.odd || decoded.odd;
  return std::string(trim(decoded.text));
}

/// One word is a mailbox of this host ("MAILER-DAEMON"); several are no address.
void ListParser::emit_words(const Tokens& words, std::string comment) {
  if (words.size() == 1 && words.front().kind != Kind::literal) {
    emit(std::move(comment), address_of(words, 0, 1, result_.odd));
    return;
  }
  result_.odd = true;
}

void ListParser::flush_parts() {
  for (Part& part : std::exchange(parts_, {})) emit_words(part.words, std::move(part.comment));
}

InternetAddress ListParser::angle_address() {
  std::size_t begin = 0;
  if (!angle_.empty() && is_at_sign(angle_.front())) {
    // A route (RFC 5322, 4.4) means nothing any more.
    for (std::size_t index = 0; index < angle_.size(); ++index) {
      if (angle_[index].is(':')) begin = index + 1;
    }
  } else if (angle_.size() > 2 && angle_[1].is(':') && is_scheme(angle_[0])) {
    begin = 2;
    result_.odd = true;
  }
  return address_of(angle_, begin, angle_.size(), result_.odd);
}

/// The words, and the parts before an unquoted comma: "Doe, John <john@example.com>".
std::string ListParser::take_name() {
  std::string name = phrase(words_, result_.odd);
  if (!name.empty() && !parts_.empty()) {
    std::string parts;
    for (const Part& part : std::exchange(parts_, {})) {
      parts += phrase(part.words, result_.odd) + ", ";
    }
    name.insert(0, parts);
    result_.odd = true;
  }
  flush_parts();
  return name;
}

void ListParser::end_angle_member() {
  const auto middle = words_.begin() + static_cast<std::ptrdiff_t>(words_before_angle_);
  const Tokens after(middle, words_.end());
  words_.erase(middle, words_.end());
  std::string name = take_name();
  if (!after.empty()) {
    result_.odd = true;
    if (name.empty()) name = phrase(after, result_.odd);
  }
  name_or_comment(name);
  InternetAddress address = angle_address();
  if (address.domain.empty() && !angle_.empty() && angle_.back().is(':')) return;  // "<Nobody:;>"
  if (std::optional<InternetAddress> named;
      address.domain.empty() && (named = parse_path(name)) && !named->domain.empty()) {
    // "anna@b.example <Anna>", the wrong way round.
    result_.odd = true;
    name = phrase(angle_, result_.odd);
    address = std::move(*named);
  }
  emit(std::move(name), std::move(address));
}

/// "a@b.example c@d.example": nothing but addresses, with blanks between them.
template <typename Belongs>
bool ListParser::end_addresses_without_commas(Belongs belongs) {
  std::vector<std::pair<std::size_t, std::size_t>> runs;
  for (std::size_t begin = 0; begin < words_.size();) {
    std::size_t end = begin + 1;
    while (end < words_.size() && belongs(end)) ++end;
    const auto signs = std::count_if(words_.begin() + static_cast<std::ptrdiff_t>(begin),
                                     words_.begin() + static_cast<std::ptrdiff_t>(end), is_at_sign);
    if (signs != 1 || is_at_sign(words_[begin]) || is_at_sign(words_[end - 1])) return false;
    runs.emplace_back(begin, end);
    begin = end;
  }
  if (runs.size() < 2) return false;
  result_.odd = true;
  for (const auto& [begin, end] : runs) emit({}, address_of(words_, begin, end, result_.odd));
  return true;
}

/// "user@host", perhaps with words around it that should have been a comment. `at` is the first
/// "@".
void ListParser::end_bare_address(std::size_t at) {
  flush_parts();
  const auto belongs = [this](std::size_t right) {
    return !words_[right].after_blank || touches_by_dot(words_[right - 1], words_[right]);
  };
  if (end_addresses_without_commas(belongs)) return;
  std::size_t begin = at;
  if (begin > 0) --begin;
  while (begin > 0 && begin < at && belongs(begin)) --begin;
  std::size_t end = std::min(at + 2, words_.size());
  while (end < words_.size() && belongs(end)) ++end;
  const InternetAddress address = address_of(words_, begin, end, result_.odd);
  const Tokens before(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(begin));
  const Tokens after(words_.begin() + static_cast<std::ptrdiff_t>(end), words_.end());
  std::string name = phrase(before, result_.odd);
  if (name.empty()) name = phrase(after, result_.odd);
  if (!name.empty()) result_.odd = true;
  name_or_comment(name);
  emit(std::move(name), address);
}

/// Looked into once, never twice.
bool ListParser::end_hidden_address() {
  if (is_inner_) return false;
  std::size_t begin = 0;
  const std::string hidden = hidden_address(words_, begin, result_.odd);
  if (hidden.empty()) return false;
  AddressList inner = ListParser(hidden, most_, true).run();
  if (inner.addresses.empty() || inner.addresses.front().address.domain.empty()) return false;
  result_.odd = true;
  words_.resize(begin);
  if (std::string name = take_name(); !name.empty()) {
    inner.addresses.front().name = std::move(name);
  }
  for (HeaderAddress& address : inner.addresses) {
    address.address.local_part = without_controls(address.address.local_part, result_.odd);
    emit(std::move(address.name), std::move(address.address));
  }
  return true;
}

void ListParser::end_words(char separator) {
  if (end_hidden_address()) return;
  if (separator == ',' && parts_.size() < most_name_parts) {
    parts_.push_back({words_, comment_name()});
    return;
  }
  flush_parts();
  emit_words(words_, comment_name());
}

void ListParser::end_member(char separator) {
  if (in_angle_) result_.odd = true;
  const auto at = std::find_if(words_.begin(), words_.end(), is_at_sign);
  if (has_angle_) {
    end_angle_member();
  } else if (at != words_.end()) {
    end_bare_address(static_cast<std::size_t>(at - words_.begin()));
  } else if (!words_.empty()) {
    end_words(separator);
  }
  if (separator != ',') flush_parts();
  clear_member();
}

void ListParser::open_angle() {
  if (has_angle_) {
    // "<a@b> Name <c@d>": a comma is missing; the words are the next one's name.
    result_.odd = true;
    Tokens next(words_.begin() + static_cast<std::ptrdiff_t>(words_before_angle_), words_.end());
    words_.resize(words_before_angle_);
    end_member(';');
    words_ = std::move(next);
  }
  has_angle_ = true;
  in_angle_ = true;
  words_before_angle_ = words_.size();
}

void ListParser::take_colon() {
  const bool is_address = has_angle_ || std::any_of(words_.begin(), words_.end(), is_at_sign);
  if (is_address || in_group_) result_.odd = true;
  if (is_address) {
    end_member(';');
    return;
  }
  flush_parts();
  if (words_.size() == 1 && is_scheme(words_.front())) {
    result_.odd = true;
  } else {
    if (in_group_) end_group();
    group_ = phrase(words_, result_.odd);
    group_text_ = group_;
    before_group_ = result_.addresses.size();
    if (group_.size() > longest_group) {
      group_.resize(
          postoffice::valid_utf8_prefix(std::string_view(group_).substr(0, longest_group)));
      result_.odd = true;
    }
    in_group_ = true;
  }
  clear_member();
}

/// "\"Anna <anna>\":;": the name of a group without members may tell an address that could not be
/// written as one. Others are not heard: whoever can write an address shall write it where servers
/// on the way look for it.
bool ListParser::take_told_address() {
  const std::size_t open = group_text_.rfind('<');
  if (open == std::string::npos || result_.addresses.size() != before_group_) return false;
  std::optional<InternetAddress> address = parse_path(std::string_view(group_text_).substr(open));
  if (!address || address->empty()) return false;
  const bool is_writable =
      !address->domain.empty() && postoffice::end_of_ascii(group_text_, open) == group_text_.size();
  if (is_writable || result_.addresses.size() >= most_) return false;
  std::string name(trim(std::string_view(group_text_).substr(0, open)));
  result_.addresses.push_back({std::move(name), std::move(*address), "", true});
  return true;
}

void ListParser::end_group() {
  if (!take_told_address()) result_.says_more = result_.says_more || !group_.empty();
  in_group_ = false;
  group_.clear();
}

void ListParser::take_in_angle(AddressToken token) {
  const bool is_route = !angle_.empty() && is_at_sign(angle_.front());
  if (token.is('>')) {
    in_angle_ = false;
  } else if (token.is('<')) {
    result_.odd = true;  // doubled
  } else if ((token.is(',') && !is_route) || token.is(';')) {
    // The closing bracket is missing.
    result_.odd = true;
    in_angle_ = false;
    take(std::move(token));
  } else {
    angle_.push_back(std::move(token));
  }
}

void ListParser::take(AddressToken token) {
  if (token.is(',')) {
    end_member(',');
  } else if (token.is(';')) {
    end_member(';');
    if (!in_group_) result_.odd = true;
    if (in_group_) end_group();
  } else if (token.is('<')) {
    open_angle();
  } else if (token.is('>')) {
    result_.odd = true;
  } else if (token.is(':')) {
    take_colon();
  } else {
    words_.push_back(std::move(token));
  }
}

AddressList ListParser::run() {
  while (!result_.truncated) {
    AddressToken token = lexer_.next();
    if (token.kind == Kind::end) break;
    if (token.kind == Kind::comment) {
      if (comment_.empty()) comment_ = std::move(token.text);
      blank_due_ = true;
      continue;
    }
    token.after_blank = std::exchange(blank_due_, false) || token.after_blank;
    if (in_angle_) {
      take_in_angle(std::move(token));
    } else {
      take(std::move(token));
    }
  }
  end_member(';');
  if (in_group_ || lexer_.odd()) result_.odd = true;
  if (in_group_) end_group();
  return std::move(result_);
}

}  // namespace

AddressList parse_address_list(std::string_view value, std::size_t most) {
  const std::string unfolded = unfold(value);
  return ListParser(unfolded, most, false).run();
}

}  // namespace smtpgate::converter
