// Header fields: see the header.
#include "converter/header_writer.h"

#include <algorithm>

#include "converter/encoded_word_encoder.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t text_line_width = 78;
constexpr std::size_t encoded_line_width = 76;  // RFC 2047, 2
constexpr std::size_t longest_word = 900;       // the line's limit is 998
constexpr std::size_t longest_quoted = 70;

/// RFC 5322, 3.2.3.
bool is_atom(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
  });
}

std::string quoted_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result += '"';
}

/// Calls take(word) for what stands between single blanks; of several blanks all but one belong to
/// the word behind them.
template <typename Take>
void for_each_word(std::string_view text, Take take) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t letter = std::min(text.find_first_not_of(' ', at), text.size());
    const std::size_t end = std::min(text.find(' ', letter), text.size());
    take(text.substr(at, end - at));
    at = end + 1;
  }
}

bool has_long_word(std::string_view text) {
  bool found = false;
  for_each_word(text, [&](std::string_view word) { found = found || word.size() > longest_word; });
  return found;
}

void write_group(FieldWriter& field, std::string_view name) {
  std::vector<std::string> words = phrase_words(name, field.room());
  if (words.empty()) words = {"unknown"};
  // Behind an encoded word there may be no room left in its line.
  if (looks_encoded(words.back())) {
    words.emplace_back(":;");
  } else {
    words.back() += ":;";
  }
  field.words(words);
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; }, ' ');
  return result;
}

FieldWriter::FieldWriter(std::string& out, std::string_view name)
    : out_(out), column_(name.size() + 1) {
  out_ += name;
  out_ += ':';
}

void FieldWriter::word(std::string_view text) {
  const std::size_t width = text.substr(0, 2) == "=?" ? encoded_line_width : text_line_width;
  // A line of its own before the first word would be blank, which some programs take for the end.
  if (!is_first_ && column_ + 1 + text.size() > width) {
    out_ += "\r\n";
    column_ = 0;
  }
  out_ += ' ';
  out_ += text;
  column_ += 1 + text.size();
  is_first_ = false;
}

void FieldWriter::words(const std::vector<std::string>& all) {
  for (const std::string& one : all) word(one);
}

std::size_t FieldWriter::room() const {
  // Behind the first word a fold makes room for all that is needed.
  if (!is_first_) return encoded_line_width - 1;
  return encoded_line_width - std::min(encoded_line_width, column_ + 1);
}

void FieldWriter::append(char c) {
  out_ += c;
  ++column_;
}

void FieldWriter::end() {
  out_ += "\r\n";
}

bool is_plain_text(std::string_view text) {
  return !text.empty() && is_ascii(text) && one_line(text) == text &&
         trim(text).size() == text.size() && !looks_encoded(text) && !has_long_word(text);
}

void write_unstructured(std::string& out, std::string_view name, std::string_view text) {
  const std::string line = one_line(text);
  const std::string_view visible = trim(line);
  if (visible.empty()) return;
  FieldWriter field(out, name);
  if (is_plain_text(line)) {
    for_each_word(line, [&](std::string_view word) { field.word(word); });
  } else {
    field.words(encode_words(line, field.room()));
  }
  field.end();
}

std::vector<std::string> phrase_words(std::string_view text, std::size_t room) {
  const std::string line = one_line(text);
  const std::string_view visible = trim(line);
  if (visible.empty()) return {};
  if (!is_ascii(visible) || looks_encoded(visible)) return encode_words(visible, room);
  std::vector<std::string> words;
  bool atoms = true;
  for_each_word(visible, [&](std::string_view word) {
    atoms = atoms && is_atom(word) && word.size() <= longest_quoted;
    words.emplace_back(word);
  });
  if (atoms) return words;
  if (visible.size() <= longest_quoted) return {quoted_string(visible)};
  return encode_words(visible, room);
}

void write_addresses(std::string& out, std::string_view name,
                     const std::vector<WrittenAddress>& addresses) {
  if (addresses.empty()) return;
  FieldWriter field(out, name);
  bool is_first = true;
  for (const WrittenAddress& one : addresses) {
    if (!is_first) field.append(',');
    is_first = false;
    if (one.address.empty() || one.address.size() > longest_address) {
      write_group(field, one.name.empty() ? one.address : one.name);
      continue;
    }
    const std::vector<std::string> phrase = phrase_words(one.name, field.room());
    field.words(phrase);
    field.word(phrase.empty() ? one.address : "<" + one.address + ">");
  }
  field.end();
}

bool is_message_id(std::string_view text) {
  if (text.size() < 5 || text.size() > longest_address || text.front() != '<' ||
      text.back() != '>') {
    return false;
  }
  const std::string_view inside = text.substr(1, text.size() - 2);
  const std::size_t at = inside.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < inside.size() &&
         std::all_of(inside.begin(), inside.end(), [](char c) {
           return c > ' ' && c <= '~' && c != '<' && c != '>' && c != '"' && c != '(' && c != ')' &&
                  c != '\\' && c != ',' && c != ';';
         });
}

void write_message_ids(std::string& out, std::string_view name,
                       const std::vector<std::string>& ids) {
  if (std::none_of(ids.begin(), ids.end(), is_message_id)) return;
  FieldWriter field(out, name);
  for (const std::string& id : ids) {
    if (is_message_id(id)) field.word(id);
  }
  field.end();
}

void write_parameterized(std::string& out, std::string_view name, std::string_view value,
                         const std::vector<std::string>& parameters) {
  FieldWriter field(out, name);
  field.word(value);
  for (const std::string& piece : parameters) {
    field.append(';');
    field.word(piece);
  }
  field.end();
}

}  // namespace smtpgate::converter
