// Lines and counted octets of an MMFF file; see the header.
#include "postoffice/mmff_input.h"

#include <algorithm>
#include <cstring>

namespace smtpgate::postoffice {

namespace {}

MmffInput::MmffInput(ByteSource& source, std::optional<LineEnd> line_end)
    : source_(source), line_end_(line_end), buffer_(stream_buffer_size) {}

FileResult<bool> MmffInput::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const auto count = source_.read(std::span(buffer_).subspan(end_));
  if (!count) return tl::unexpected(count.error());
  end_ += *count;
  return *count > 0;
}

void MmffInput::take(std::size_t count) {
  begin_ += count;
  offset_ += count;
  if (begin_ == end_) begin_ = end_ = 0;
}

void MmffInput::tell_line_end(std::string_view octets, bool at_end_of_file) {
  const auto at = octets.find_first_of("\r\n");
  if (at == std::string_view::npos) return;
  if (octets[at] == '\n') {
    line_end_ = LineEnd::lf;
  } else if (at + 1 < octets.size()) {
    line_end_ = octets[at + 1] == '\n' ? LineEnd::crlf : LineEnd::cr;
  } else if (at_end_of_file) {
    line_end_ = LineEnd::cr;
  }
}

FileResult<MmffInput::LineResult> MmffInput::read_line(std::string& line, std::uint64_t longest) {
  line.clear();
  bool at_end_of_file = false;
  while (true) {
    if (!line_end_) tell_line_end(in_hand(), at_end_of_file);
    if (line_end_) {
      const auto octets = line_end_octets(*line_end_);
      const auto at = in_hand().find(octets);
      if (at != std::string_view::npos) {
        if (line.size() + at > longest) return LineResult::too_long;
        line += in_hand().substr(0, at);
        take(at + octets.size());
        return LineResult::line;
      }
    }
    if (at_end_of_file) {
      line += in_hand();
      take(in_hand().size());
      return line.empty() ? LineResult::end : LineResult::unended;
    }
    // All but a CR that may be the first half of a line end belongs to the line.
    std::size_t whole = in_hand().size();
    if (whole > 0 && in_hand().back() == '\r' && line_end_.value_or(LineEnd::crlf) != LineEnd::lf) {
      --whole;
    }
    if (line.size() + whole > longest) return LineResult::too_long;
    line += in_hand().substr(0, whole);
    take(whole);
    const auto more = fill();
    if (!more) return tl::unexpected(more.error());
    at_end_of_file = !*more;
  }
}

FileResult<std::size_t> MmffInput::read(std::span<char> buffer) {
  if (begin_ == end_) {
    // Large pieces go straight to the caller; only small ones are worth a copy.
    if (buffer.size() >= stream_buffer_size) {
      const auto count = source_.read(buffer);
      if (count) offset_ += *count;
      return count;
    }
    const auto more = fill();
    if (!more) return tl::unexpected(more.error());
  }
  const std::size_t count = std::min(buffer.size(), end_ - begin_);
  std::copy_n(buffer_.data() + begin_, count, buffer.data());
  take(count);
  return count;
}

FileResult<std::uint64_t> MmffInput::skip(std::uint64_t count) {
  std::uint64_t skipped = 0;
  while (skipped < count) {
    if (begin_ == end_) {
      const auto more = fill();
      if (!more) return tl::unexpected(more.error());
      if (!*more) break;
    }
    const auto piece =
        static_cast<std::size_t>(std::min<std::uint64_t>(count - skipped, end_ - begin_));
    take(piece);
    skipped += piece;
  }
  return skipped;
}

}  // namespace smtpgate::postoffice
