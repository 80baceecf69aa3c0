// EncodingParts: see the header.
#include "converter/encoding_parts.h"

#include <algorithm>
#include <utility>

namespace smtpgate::converter {

bool EncodingParts::applies(const std::vector<EncodingPart>& parts,
                            const std::vector<std::string>& names) {
  return parts.size() >= 2 && names.size() == parts.size() - 1 &&
         std::any_of(parts.begin() + 1, parts.end(),
                     [](const EncodingPart& part) { return part.keyword == "text"; });
}

EncodingParts::EncodingParts(std::vector<EncodingPart> parts, std::vector<std::string> names,
                             std::string_view line_end, TextPartSink& sink)
    : parts_(std::move(parts)), names_(std::move(names)), line_end_(line_end), sink_(sink) {}

void EncodingParts::feed(std::string_view octets) {
  lines_.feed(octets, [this](const CutLine& line) { take(line); });
}

void EncodingParts::finish() {
  lines_.finish([this](const CutLine& line) { take(line); });
  if (is_open_) sink_.files().end_file({});
  is_open_ = false;
}

void EncodingParts::take(const CutLine& line) {
  const EncodingPart& part = parts_[part_];
  if (!gave_up_ && line.is_start && part.lines && lines_seen_ == *part.lines) {
    if (is_open_) sink_.files().end_file({});
    is_open_ = false;
    const bool has_next = part_ + 1 < parts_.size();
    if (has_next && line.octets.empty() && !line.end.empty()) {
      const bool was_file = is_file();
      ++part_;
      lines_seen_ = 0;
      // Before a block in uuencode the text's own rule about empty lines holds.
      if (!was_file && !is_file()) put(line);
      lines_seen_ = 0;
      return;
    }
    gave_up_ = true;
  }
  put(line);
}

void EncodingParts::put(const CutLine& line) {
  if (line.is_start) ++lines_seen_;
  if (gave_up_ || !is_file()) {
    sink_.text(line.octets);
    sink_.text(line.end);
    return;
  }
  if (!is_open_) {
    sink_.end_part();
    sink_.files().begin_file(
        {.name = names_[part_ - 1], .content_type = "text/plain", .content_id = {}, .odd = {}});
    is_open_ = true;
  }
  sink_.files().file_octets(line.octets);
  if (!line.end.empty()) sink_.files().file_octets(line_end_);
}

}  // namespace smtpgate::converter
