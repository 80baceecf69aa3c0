// Folded text; see the header.
#include "postoffice/folded_text.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <utf8proc.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view white = " \t\r\n\f\v";
/// A word longer than that is cut somewhere; no text that people look for has one.
constexpr std::size_t longest_word = std::size_t{64} << 10;

struct Free {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

/// Without looking at blanks.
std::string fold_characters(std::string_view text) {
  if (is_ascii(text)) return ascii_lower(text);
  const std::string valid = repair_utf8(text);
  utf8proc_uint8_t* folded = nullptr;
  const auto size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
      static_cast<utf8proc_ssize_t>(valid.size()), &folded,
      static_cast<utf8proc_option_t>(UTF8PROC_CASEFOLD | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
                                     UTF8PROC_STABLE | UTF8PROC_IGNORE));
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(folded);
  if (size < 0) return ascii_lower(valid);  // no memory, or longer than utf8proc can count
  return {reinterpret_cast<const char*>(folded), static_cast<std::size_t>(size)};
}

constexpr bool is_white(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// Appends `text` with one space for each run of blanks, also of one that `out` ends in.
void append_joined(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const auto word =
        static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_white) - text.begin());
    out.append(text.substr(0, word));
    text.remove_prefix(word);
    if (text.empty()) return;
    if (!out.ends_with(' ')) out += ' ';
    text.remove_prefix(static_cast<std::size_t>(
        std::find_if_not(text.begin(), text.end(), is_white) - text.begin()));
  }
}

}  // namespace

std::string fold_text(std::string_view text) {
  std::string folded;
  append_joined(fold_characters(trim(text)), folded);
  return std::string(trim(folded));
}

bool TextFinder::feed(std::string_view piece) {
  if (is_found_) return true;
  pending_ += piece;
  std::size_t end = pending_.find_last_of(white);
  if (end == std::string::npos) {
    if (pending_.size() <= longest_word) return false;
    end = pending_.size();
  } else {
    ++end;
  }
  look_at(std::string_view(pending_).substr(0, end));
  pending_.erase(0, end);
  return is_found_;
}

bool TextFinder::finish() {
  if (!is_found_) look_at(pending_);
  pending_.clear();
  return is_found_;
}

void TextFinder::look_at(std::string_view text) {
  append_joined(fold_characters(text), window_);
  is_found_ = window_.find(wanted_) != std::string::npos;
  // What may begin a match, and one octet before it, which tells whether a blank was there.
  const std::size_t keep = std::max<std::size_t>(wanted_.size(), 1);
  if (window_.size() > keep) window_.erase(0, window_.size() - keep);
}

}  // namespace smtpgate::postoffice
