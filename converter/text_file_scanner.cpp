// TextFileScanner: see the header. Text in which no line begins like a block passes as it is,
// without a copy; only lines of a block, or that may begin one, are looked at whole.
#include "converter/text_file_scanner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "converter/base64_block.h"
#include "converter/binhex_block.h"
#include "converter/mail_text_decoder.h"
#include "converter/uuencode_block.h"
#include "converter/yenc_block.h"

namespace smtpgate::converter {

namespace {

// Lines of a block are shorter; a longer one is text.
constexpr std::size_t longest_line = 4096;
// Of lines that may be a block's, before it is certain.
constexpr std::size_t most_held = std::size_t{16} << 10;

constexpr std::array<std::string_view, 4> beginnings = {"begin ", "begin-base64 ", "=ybegin ",
                                                        binhex_comment};

std::size_t line_feed(std::string_view octets, std::size_t at) {
  const void* const found = std::memchr(octets.data() + at, '\n', octets.size() - at);
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - octets.data());
}

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

void TextFileScanner::Counter::begin_file(const EmbeddedFile& file) {
  ++files_;
  handler_.begin_file(file);
}

TextFileScanner::TextFileScanner(TextFileRules rules, EmbeddedFileHandler& handler)
    : rules_(std::move(rules)), counter_(handler) {}

/// At a line's start, of which `octets` may be only the beginning.
bool TextFileScanner::may_begin_here(std::string_view octets) const {
  switch (octets.front()) {
    case 'b':
    case '=':
    case '(':
      return std::any_of(beginnings.begin(), beginnings.end(), [&](std::string_view beginning) {
        return octets.starts_with(beginning) || beginning.starts_with(octets);
      });
    case '\n':
      return rules_.drops_separator;
    case '\r':
      return rules_.drops_separator && (octets.size() == 1 || octets[1] == '\n');
    default:
      return false;
  }
}

/// The position from `at` on of a line that must be looked at; the end of `octets` if there is
/// none.
std::size_t TextFileScanner::pass_text(std::string_view octets, std::size_t at) {
  const char separator = rules_.drops_separator ? '\n' : 'b';
  const char separator_cr = rules_.drops_separator ? '\r' : 'b';
  bool at_line_start = at_line_start_;
  for (;;) {
    if (at_line_start) {
      // Nearly every line of a text ends here: its first octet says that it begins no block.
      const char c = octets[at];
      const bool is_suspect =
          c == 'b' || c == '=' || c == '(' || c == separator || c == separator_cr;
      if (is_suspect && may_begin_here(octets.substr(at))) break;
    }
    const std::size_t end = line_feed(octets, at);
    at_line_start = end != std::string_view::npos;
    at = at_line_start ? end + 1 : octets.size();
    if (at == octets.size()) break;
  }
  at_line_start_ = at_line_start;
  return at;
}

std::string_view TextFileScanner::feed(std::string_view octets) {
  out_.clear();
  for (std::size_t at = 0; at < octets.size();) {
    if (!block_ && partial_.empty() && held_.empty()) {
      const std::size_t next = pass_text(octets, at);
      if (at == 0 && next == octets.size()) return octets;
      out_.append(octets, at, next - at);
      at = next;
      if (at == octets.size()) break;
    }
    const std::size_t end = line_feed(octets, at);
    const std::size_t length = (end == std::string_view::npos ? octets.size() : end + 1) - at;
    if (partial_.size() + length > longest_line) {
      release();
      out_ += partial_;
      out_.append(octets, at, length);
      partial_.clear();
      at_line_start_ = end != std::string_view::npos;
    } else if (end == std::string_view::npos) {
      partial_.append(octets, at, length);
    } else if (partial_.empty()) {
      take_line(octets.substr(at, length));
    } else {
      partial_.append(octets, at, length);
      const std::string line = std::exchange(partial_, {});
      take_line(line);
    }
    at += length;
  }
  return out_;
}

std::string_view TextFileScanner::finish() {
  out_.clear();
  if (!partial_.empty()) {
    const std::string line = std::exchange(partial_, {});
    take_line(line);
  }
  release();
  at_line_start_ = true;
  return out_;
}

/// Everything that is held is text, and a block that is being read ends here.
void TextFileScanner::release() {
  out_ += held_;
  held_.clear();
  end_block();
}

void TextFileScanner::end_block() {
  if (block_) block_->close();
  block_.reset();
}

void TextFileScanner::take_line(std::string_view line_with_end) {
  at_line_start_ = true;
  if (!block_) {
    take_text_line(line_with_end);
    return;
  }
  switch (block_->line(without_end(line_with_end))) {
    case BlockLine::undecided:
      held_ += line_with_end;
      if (held_.size() > most_held) release();
      break;
    case BlockLine::taken:
      held_.clear();
      break;
    case BlockLine::last:
      held_.clear();
      block_.reset();
      break;
    case BlockLine::refused:
      release();
      take_text_line(line_with_end);
      break;
  }
}

void TextFileScanner::take_text_line(std::string_view line_with_end) {
  const std::string_view line = without_end(line_with_end);
  block_ = block_at(line);
  if (block_) {
    held_ += line_with_end;
    return;
  }
  out_ += held_;
  held_.clear();
  if (rules_.drops_separator && line.empty()) {
    held_ = line_with_end;
  } else {
    out_ += line_with_end;
  }
}

/// The block that `line` begins, or nullptr.
std::unique_ptr<TextBlock> TextFileScanner::block_at(std::string_view line) {
  const auto utf8 = [this](std::string_view name) { return decode_labelled(name, rules_.charset); };
  std::unique_ptr<TextBlock> block;
  if (const std::string_view name = name_on_begin_line(line); !name.empty()) {
    block = std::make_unique<UuencodeBlock>(utf8(name), counter_);
  } else if (const std::string_view other = name_on_begin_base64_line(line); !other.empty()) {
    block = std::make_unique<Base64Block>(utf8(other), counter_);
  } else if (const auto begin = parse_yenc_begin(line)) {
    block = std::make_unique<YencBlock>(*begin, utf8(begin->name), counter_);
  } else if (line.starts_with(binhex_comment)) {
    block = std::make_unique<BinhexBlock>(counter_);
  }
  if (block && counter_.files() >= rules_.most_files) {
    limit_reached_ = true;
    block.reset();
  }
  return block;
}

}  // namespace smtpgate::converter
