// SubstituteText: see the header.
#include "converter/substitute_text.h"

#include <utility>

#include "converter/text_segment.h"

namespace smtpgate::converter {

namespace {

// A sender may put many meetings into one message; the first ones are on top.
constexpr std::size_t most_top_lines = std::size_t{64} << 10;  // octets

/// `text` through a segment of its own.
std::string converted(std::string_view text, std::string_view set, postoffice::LineEnd line_end) {
  TextSegment segment("utf-8", set, line_end, false);
  std::string out;
  segment.feed(text, out);
  segment.finish(out);
  return out;
}

}  // namespace

void SubstituteText::offer(std::string lines, bool is_kept, std::string source) {
  is_taken_ = true;
  is_kept_ = is_kept;
  lines_ = std::move(lines);
  source_ = std::move(source);
}

void SubstituteText::take_back() {
  text_.clear();
  lines_.clear();
  is_taken_ = false;
}

void SubstituteText::add_top_lines(std::string_view lines) {
  if (top_lines_.size() + lines.size() <= most_top_lines) top_lines_ += lines;
}

postoffice::FileResult<void> SubstituteText::finish(
    bool text_is_blank, const TargetFormat& target,
    const std::function<void(std::string_view)>& write_text,
    const std::function<EmbeddedFileHandler&(const std::string&)>& files_of) {
  if (text_is_blank) top_lines_ += lines_;
  if (!top_lines_.empty()) top_ = converted(top_lines_, target.character_set, target.line_end);
  if (text_.size() == 0 || (!text_is_blank && !is_kept_)) return {};
  TextSegment segment("utf-8", text_is_blank ? target.character_set : "UTF-8", target.line_end,
                      false);
  EmbeddedFileHandler* file = nullptr;
  if (!text_is_blank) {
    file = &files_of(source_);
    file->begin_file({"message.txt", "text/plain; charset=utf-8", {}, {}});
  }
  std::string ready;
  const auto hand_on = [&] {
    if (file != nullptr) {
      file->file_octets(ready);
    } else {
      write_text(ready);
    }
    ready.clear();
  };
  auto read = text_.for_each_piece(spool_piece, [&](std::string_view piece) {
    segment.feed(piece, ready);
    hand_on();
    return true;
  });
  segment.finish(ready);
  hand_on();
  if (file != nullptr) file->end_file({});
  return read;
}

void SubstituteText::clear() {
  text_.clear();
  lines_.clear();
  top_lines_.clear();
  top_.clear();
  is_taken_ = false;
}

}  // namespace smtpgate::converter
