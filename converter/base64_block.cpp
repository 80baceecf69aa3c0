// Base64Block: see the header. Strict: a line is whole groups and nothing else, and padding ends
// the data.
#include "converter/base64_block.h"

#include <algorithm>

#include "converter/base64_decoder.h"
#include "converter/uuencode_block.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t certain_characters = 20;

bool is_base64_line(std::string_view line) {
  if (line.size() % 4 != 0) return false;
  if (line.ends_with('=')) line.remove_suffix(line.ends_with("==") ? 2 : 1);
  return !line.empty() && std::all_of(line.begin(), line.end(), [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) || c == '+' || c == '/';
  });
}

void decode(std::string_view line, std::string& out) {
  Base64Decoder decoder;
  decoder.feed(line, out);
  decoder.finish(out);
}

}  // namespace

std::string_view name_on_begin_base64_line(std::string_view line) {
  constexpr std::string_view begin = "begin-base64 ";
  if (!line.starts_with(begin)) return {};
  line.remove_prefix(begin.size());
  return name_behind_mode(line);
}

void Base64Block::begin() {
  file_.begin({.name = name_, .content_type = {}, .content_id = {}, .odd = {}});
  for (const std::string& line : undecided_) decode(line, file_.octets());
  undecided_.clear();
}

BlockLine Base64Block::line(std::string_view text) {
  const std::string_view line = without_trailing_blanks(text);
  if (line == "====") {
    if (!file_.is_open()) begin();
    file_.end({});
    return BlockLine::last;
  }
  if (after_padding_ || !is_base64_line(line)) return BlockLine::refused;
  after_padding_ = line.ends_with('=');
  if (!file_.is_open()) {
    undecided_.emplace_back(line);
    if (line.size() < certain_characters) return BlockLine::undecided;
    begin();
    return BlockLine::taken;
  }
  decode(line, file_.octets());
  file_.settle();
  return BlockLine::taken;
}

void Base64Block::close() {
  if (file_.is_open()) file_.end({"not-closed"});
}

}  // namespace smtpgate::converter
