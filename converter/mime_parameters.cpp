// Values with parameters: see the header. Two steps: the parameters as they are written, then what
// they mean together (RFC 2231 pieces joined, words decoded). Each is linear but for sorting.
#include "converter/mime_parameters.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "converter/encoded_word.h"
#include "converter/header_field.h"
#include "converter/mail_text_decoder.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t npos = std::string_view::npos;
constexpr std::size_t most_parameters = 100;
/// Pieces as written; a long file name takes several dozen (RFC 2231, 3).
constexpr std::size_t most_pieces = 1000;

/// A parameter as written: "name", "name*", "name*3", "name*3*".
struct Piece {
  std::string name;            ///< lower case, without what follows the asterisk
  std::optional<int> section;  ///< of a continuation
  bool extended = false;       ///< percent-encoded, perhaps with a character set
  std::string value;
  std::size_t order = 0;
};

bool is_file_name(std::string_view name) {
  return name == "name" || name == "filename";
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::string take_value();
  /// False at the end.
  bool take_piece(Piece& piece);
  bool odd() const { return odd_; }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char here() const { return text_[at_]; }
  std::string_view take_until(std::string_view stops);
  void skip_blanks_and_comments();
  void skip_separators();
  std::string take_quoted(bool file_name);
  std::string take_bare(bool file_name);

  std::string_view text_;
  std::size_t at_ = 0;
  bool odd_ = false;
  bool no_more_quotes_ = false;
};

std::string_view Scanner::take_until(std::string_view stops) {
  const std::size_t begin = at_;
  // The library's own way is a call for each octet.
  const auto is_stop = [stops](char c) {
    return std::any_of(stops.begin(), stops.end(), [c](char stop) { return stop == c; });
  };
  while (!at_end() && !is_stop(here())) ++at_;
  return text_.substr(begin, at_ - begin);
}

/// Comments nest. One without an end reaches to the end of the value, as it does for everybody.
void Scanner::skip_blanks_and_comments() {
  std::size_t depth = 0;
  for (; !at_end(); ++at_) {
    const char c = here();
    if (c == '(') {
      ++depth;
    } else if (depth == 0 && !is_blank(c)) {
      return;
    } else if (c == ')' && depth > 0) {
      --depth;
    } else if (c == '\\') {
      ++at_;
    }
  }
  at_ = text_.size();
  if (depth > 0) odd_ = true;
}

void Scanner::skip_separators() {
  for (;;) {
    skip_blanks_and_comments();
    if (at_end() || (here() != ';' && here() != ',')) return;
    if (here() == ',') odd_ = true;
    ++at_;
  }
}

/// "type/subtype" or a word, lower case. Blanks around the slash are forgiven; "name=value" in its
/// place means that the value is missing.
std::string Scanner::take_value() {
  skip_blanks_and_comments();
  const std::size_t begin = at_;
  std::string value;
  for (;;) {
    value += ascii_lower(take_until(" \t(;"));
    skip_blanks_and_comments();
    const bool goes_on =
        !at_end() && here() != ';' && !value.empty() && (here() == '/' || value.back() == '/');
    if (!goes_on) break;
    odd_ = true;
  }
  if (value.find('=') != npos) {
    at_ = begin;
    odd_ = true;
    return {};
  }
  while (!value.empty() && (value.back() == ',' || value.back() == '"')) {
    value.pop_back();
    odd_ = true;
  }
  if (!value.empty() && value.front() == '"') {
    value.erase(0, 1);
    odd_ = true;
  }
  if (!at_end() && here() != ';') odd_ = true;
  return value;
}

/// Behind the opening quote. In file names a backslash is taken away only where it must be one of
/// the grammar's: "C:\dir\file" is what Windows programs send.
std::string Scanner::take_quoted(bool file_name) {
  std::string value;
  const std::size_t begin = at_;
  bool closed = false;
  for (; !at_end() && !no_more_quotes_; ++at_) {
    if (here() == '"') {
      closed = true;
      ++at_;
      break;
    }
    if (here() == '\\' && at_ + 1 < text_.size()) {
      const char next = text_[at_ + 1];
      if (next == '"' || next == '\\' || !file_name) ++at_;
    }
    value += here();
  }
  if (!closed) {
    odd_ = true;
    no_more_quotes_ = true;
    at_ = begin;
    std::string_view rest = trim(take_until(";"));
    if (file_name && rest.ends_with("\\\"")) rest.remove_suffix(2);
    return std::string(rest);
  }
  if (file_name && !at_end() && here() != ';' && !is_blank(here()) && here() != '(') {
    // Quotes inside that were not escaped: "a "good" name.txt".
    odd_ = true;
    std::string_view rest = trim(take_until(";"));
    if (!rest.empty() && rest.back() == '"') rest.remove_suffix(1);
    value += '"';
    value += rest;
  }
  return value;
}

std::string Scanner::take_bare(bool file_name) {
  const std::string_view value = trim(take_until(file_name ? ";" : "; \t"));
  if (value.find_first_of(" \t\"") != npos) odd_ = true;
  return std::string(value);
}

/// "name*3*" into its parts.
void split_name(std::string_view written, Piece& piece) {
  std::string name = ascii_lower(written);
  if (!name.empty() && name.back() == '*') {
    piece.extended = true;
    name.pop_back();
  }
  const std::size_t star = name.rfind('*');
  if (star != std::string::npos && star + 1 < name.size() && name.size() - star <= 5 &&
      std::all_of(name.begin() + static_cast<std::ptrdiff_t>(star) + 1, name.end(),
                  [](char c) { return is_ascii_digit(c); })) {
    piece.section = std::stoi(name.substr(star + 1));
    name.resize(star);
  }
  piece.name = std::move(name);
}

bool Scanner::take_piece(Piece& piece) {
  for (;;) {
    skip_separators();
    if (at_end()) return false;
    std::string name(take_until("= \t;("));
    skip_blanks_and_comments();
    if (!at_end() && here() == '*') {
      odd_ = true;
      name += take_until("= \t;(");
      skip_blanks_and_comments();
    }
    if (at_end() || here() != '=') {
      odd_ = true;  // a name without a value
      continue;
    }
    ++at_;
    piece = {};
    split_name(name, piece);
    skip_blanks_and_comments();
    const bool file_name = is_file_name(piece.name);
    if (!at_end() && here() == '"') {
      ++at_;
      piece.value = take_quoted(file_name);
    } else {
      piece.value = take_bare(file_name);
    }
    skip_blanks_and_comments();
    if (!at_end() && here() != ';') odd_ = true;
    if (!piece.name.empty()) return true;
    odd_ = true;
  }
}

int hex_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int high = text[at] == '%' && at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = text[at] == '%' && at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high >= 0 && low >= 0) {
      result += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      result += text[at];
    }
  }
  return result;
}

/// The pieces of one name, RFC 2231 ones, in order of their sections.
std::string join_extended(const std::vector<Piece>& pieces, bool& odd) {
  std::string charset;
  std::string octets;
  int expected = 0;
  bool first = true;
  for (const Piece& piece : pieces) {
    const int section = piece.section.value_or(0);
    if (!first && section == expected - 1) {
      odd = true;  // doubled: the first counts
      continue;
    }
    if (section != expected) odd = true;
    expected = section + 1;
    std::string_view value = piece.value;
    if (piece.extended && first) {
      const std::size_t quote = value.find('\'');
      const std::size_t second = quote == npos ? npos : value.find('\'', quote + 1);
      if (second == npos) {
        odd = true;
      } else {
        charset = value.substr(0, quote);
        value.remove_prefix(second + 1);
      }
    }
    octets += piece.extended ? percent_decoded(value) : std::string(value);
    first = false;
  }
  return decode_labelled(octets, charset, nullptr, &odd);
}

/// Without the marks that some programs put around a name once more, and with a blank for the tab
/// that a line was folded at.
std::string plain_file_name(std::string name) {
  std::replace(name.begin(), name.end(), '\t', ' ');
  const bool is_wrapped = name.size() > 2 && ((name.front() == '"' && name.back() == '"') ||
                                              (name.front() == '<' && name.back() == '>'));
  return is_wrapped ? name.substr(1, name.size() - 2) : name;
}

std::string plain_value(const Piece& piece, bool& odd) {
  // A boundary is compared with octets of the body.
  if (piece.name == "boundary") return piece.value;
  DecodedText decoded = decode_header_text(piece.value);
  if (is_file_name(piece.name)) decoded.text = plain_file_name(std::move(decoded.text));
  if (decoded.odd || decoded.text != piece.value) odd = true;
  return std::move(decoded.text);
}

/// What pieces [begin, end), all of one name, mean: the RFC 2231 form wins over the plain one (RFC
/// 6266, 4.3), else the first counts.
std::string meaning(std::vector<Piece>::const_iterator begin,
                    std::vector<Piece>::const_iterator end, bool& odd) {
  std::vector<Piece> extended;
  for (auto piece = begin; piece != end; ++piece) {
    if (piece->extended || piece->section) extended.push_back(*piece);
  }
  if (extended.empty()) {
    if (end - begin > 1) odd = true;
    return plain_value(*begin, odd);
  }
  // "name*" stands for itself; should there be sections too, the first kind that came counts.
  const bool sections = extended.front().section.has_value();
  std::erase_if(extended,
                [sections](const Piece& piece) { return piece.section.has_value() != sections; });
  if (!sections) {
    if (extended.size() > 1) odd = true;
    extended.resize(1);
  }
  std::sort(extended.begin(), extended.end(), [](const Piece& a, const Piece& b) {
    return std::tie(a.section, a.order) < std::tie(b.section, b.order);
  });
  const bool any_encoded = std::any_of(extended.begin(), extended.end(),
                                       [](const Piece& piece) { return piece.extended; });
  if (!any_encoded) {
    // Continuations of plain text; words in them are as wrong, and as common, as elsewhere.
    Piece whole = extended.front();
    whole.value.clear();
    for (std::size_t index = 0; index < extended.size(); ++index) {
      const bool is_double = index > 0 && extended[index].section == extended[index - 1].section;
      if (is_double || extended[index].section != static_cast<int>(index)) odd = true;
      if (!is_double) whole.value += extended[index].value;
    }
    return plain_value(whole, odd);
  }
  return join_extended(extended, odd);
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7F' && std::string_view("()<>@,;:\\\"/[]?=").find(c) == npos;
  });
}

}  // namespace

std::string_view ParameterizedValue::parameter(std::string_view name) const {
  for (const auto& [key, text] : parameters) {
    if (equals_ignoring_case(key, name)) return text;
  }
  return {};
}

ParameterizedValue parse_parameterized(std::string_view value) {
  const std::string unfolded = unfold(value);
  Scanner scanner(unfolded);
  ParameterizedValue result;
  result.value = scanner.take_value();
  std::vector<Piece> pieces;
  Piece piece;
  while (pieces.size() < most_pieces && scanner.take_piece(piece)) {
    piece.order = pieces.size();
    pieces.push_back(std::move(piece));
  }
  result.odd = scanner.odd() || pieces.size() == most_pieces;
  // Same names together, the order of first appearance kept for the result.
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return std::tie(a.name, a.order) < std::tie(b.name, b.order);
  });
  std::vector<std::pair<std::size_t, std::pair<std::string, std::string>>> found;
  for (auto begin = pieces.cbegin(); begin != pieces.cend();) {
    const auto end = std::find_if(begin, pieces.cend(),
                                  [&](const Piece& other) { return other.name != begin->name; });
    found.emplace_back(begin->order, std::pair(begin->name, meaning(begin, end, result.odd)));
    begin = end;
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  if (found.size() > most_parameters) {
    found.resize(most_parameters);
    result.odd = true;
  }
  for (auto& entry : found) result.parameters.push_back(std::move(entry.second));
  return result;
}

ContentType parse_content_type(const std::string* value) {
  ContentType result{"text", "plain", {}, true};
  if (value == nullptr) return result;
  result.parsed = parse_parameterized(*value);
  const std::string_view written = result.parsed.value;
  const std::size_t slash = written.find('/');
  const std::string_view type = written.substr(0, slash);
  std::string_view subtype = slash == npos ? std::string_view() : written.substr(slash + 1);
  if (const std::size_t more = subtype.find('/'); more != npos) {
    subtype = subtype.substr(0, more);
    result.parsed.odd = true;
  }
  if (!is_token(type) || !is_token(subtype)) {
    result.parsed.odd = true;
    return result;
  }
  result.type = type;
  result.subtype = subtype;
  result.is_default = false;
  return result;
}

}  // namespace smtpgate::converter
