// format=flowed: see the header.
#include "converter/flowed_text.h"

#include <algorithm>

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_line = 78;  // characters: above it a line is broken
constexpr std::size_t wanted_line = 72;
constexpr std::string_view signature = "-- ";
// Of each boundary of ours (outbound.cpp), whichever it is.
constexpr std::string_view boundary_beginning = "--=_";

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

/// Octets of the longest beginning of `text` that ends behind a word and its blanks and has at most
/// `most` characters; of the first such beginning if all are longer; all of it if there is none.
std::size_t break_before(std::string_view text, std::size_t most) {
  const std::size_t first_word = std::min(text.find_first_not_of(' '), text.size());
  std::size_t good = 0;
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U) ++count;
    if (count > most && good > 0) return good;
    const bool ends_blanks = text[at] == ' ' && at + 1 < text.size() && text[at + 1] != ' ';
    // A line of blanks, or one that is the mark above a signature, would be read as what it is not.
    if (ends_blanks && at > first_word &&
        text.substr(first_word, at + 1 - first_word) != signature) {
      good = at + 1;
    }
  }
  return count > most && good > 0 ? good : text.size();
}

}  // namespace

void FlowedWriter::part(std::string_view quotes, std::string_view content, bool is_first,
                        std::string& out) {
  out += quotes;
  const bool begins_badly = content.starts_with(' ') || content.starts_with('>') ||
                            content.starts_with("From ") || content.starts_with(boundary_beginning);
  // Of a quoted line as its writer wrote it, the blank behind the marks is such a blank already.
  if (begins_badly && !(is_first && !quotes.empty())) out += ' ';
  out += content;
}

void FlowedWriter::line(std::string_view text, std::string& out) {
  const std::size_t marks = std::min(text.find_first_not_of('>'), text.size());
  const std::string_view quotes = text.substr(0, marks);
  std::string_view content = text.substr(marks);
  if (characters(text) <= longest_line) {
    part(quotes, content, true, out);
    return;
  }
  const bool is_spaced = marks > 0 && content.starts_with(' ');
  std::string next_quotes(quotes);
  if (is_spaced) next_quotes += ' ';
  // Marks that fill the line leave room for a word all the same.
  const std::size_t most = wanted_line - std::min(wanted_line - 10, next_quotes.size());
  bool is_first = true;
  while (!content.empty()) {
    const std::size_t length = break_before(content, most);
    if (is_first) {
      part(quotes, content.substr(0, length), true, out);
    } else if (is_spaced) {
      out += next_quotes;
      out += content.substr(0, length);
    } else {
      part(quotes, content.substr(0, length), false, out);
    }
    content.remove_prefix(length);
    if (!content.empty()) out += '\n';
    is_first = false;
  }
}

void FlowedWriter::feed(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    if (end == std::string_view::npos) {
      held_ += piece;
      return;
    }
    if (held_.empty()) {
      line(piece.substr(0, end), out);
    } else {
      held_ += piece.substr(0, end);
      line(held_, out);
      held_.clear();
    }
    out += '\n';
    piece.remove_prefix(end + 1);
  }
}

void FlowedWriter::finish(std::string& out) {
  if (!held_.empty()) line(held_, out);
  held_.clear();
}

}  // namespace smtpgate::converter
