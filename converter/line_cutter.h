// Cuts a stream of octets into lines without their ends, for readers that decide line by line. A
// line longer than CutLine::longest may come in pieces, of which only the first begins it.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate::converter {

/// A line, or a piece of one that is too long to be held.
struct CutLine {
  static constexpr std::size_t longest = 4096;  ///< octets of a line that is held, with its end

  std::string_view octets;  ///< without its end
  std::string_view end;     ///< "\r\n", "\n", or empty: the line goes on, or the stream ended
  bool is_start = true;     ///< the line begins here

  /// Where the stream was cut does not matter: a longer line is never whole.
  bool is_whole() const {
    return is_start && !end.empty() && octets.size() + end.size() <= longest;
  }
};

class LineCutter {
 public:
  /// Calls take(CutLine) for each line that is complete, or too long; views into `octets` or the
  /// cutter's own memory.
  template <typename Take>
  void feed(std::string_view octets, Take take) {
    while (!octets.empty()) {
      const std::size_t line_feed = octets.find('\n');
      const bool is_complete = line_feed != std::string_view::npos;
      const std::size_t length = is_complete ? line_feed + 1 : octets.size();
      std::string_view piece = octets.substr(0, length);
      octets.remove_prefix(length);
      if (held_.empty() && is_complete) {
        give(piece, take);
        continue;
      }
      held_ += piece;
      if (!is_complete && held_.size() < CutLine::longest) return;
      // A CR at the end may be half of the line's end.
      const bool keeps_cr = !is_complete && held_.back() == '\r';
      if (keeps_cr) held_.pop_back();
      give(held_, take);
      held_.assign(keeps_cr ? "\r" : "");
    }
  }

  template <typename Take>
  void finish(Take take) {
    if (!held_.empty()) give(held_, take);
    held_.clear();
  }

 private:
  template <typename Take>
  void give(std::string_view line, Take take) {
    const std::size_t end = line.ends_with("\r\n") ? 2 : line.ends_with('\n') ? 1 : 0;
    const std::string_view line_end = line.substr(line.size() - end);
    line.remove_suffix(end);
    const bool is_start = at_start_;
    at_start_ = !line_end.empty();
    take(CutLine{line, line_end, is_start});
  }

  std::string held_;
  bool at_start_ = true;
};

}  // namespace smtpgate::converter
