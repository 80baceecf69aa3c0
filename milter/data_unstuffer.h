// The content after DATA: takes the doubled dots off and finds the end (RFC 5321, 4.5.2), in pieces
// of any size. Only CR LF "." CR LF ends the data: a dot between bare line feeds never does, which
// is what SMTP smuggling lives on. Not for line ends within the content: RawMessage does those.
#pragma once

#include <cstddef>
#include <string_view>

namespace smtpgate::milter {

class DataUnstuffer {
 public:
  /// Calls take(piece) with the content in `block`, in order, and returns how many octets of
  /// `block` belong to the data (all, until the end is found). The line end before the final dot
  /// belongs to the content.
  template <typename Take>
  std::size_t feed(std::string_view block, Take take);

  bool at_end() const { return state_ == State::end; }

 private:
  enum class State {
    line_start,  ///< after CRLF, or at the very start
    dot,         ///< after a dot at the start of a line
    dot_cr,      ///< after dot CR
    text,
    cr,  ///< after a CR within a line
    end,
  };
  State state_ = State::line_start;
};

template <typename Take>
std::size_t DataUnstuffer::feed(std::string_view block, Take take) {
  std::size_t from = 0;  // start of what is content and not yet taken
  std::size_t i = 0;
  const auto take_until = [&](std::size_t end) {
    if (end > from) take(block.substr(from, end - from));
  };
  while (i < block.size() && state_ != State::end) {
    const char c = block[i];
    switch (state_) {
      case State::line_start:
        if (c == '.') {
          take_until(i);
          from = i + 1;
          state_ = State::dot;
          ++i;
        } else {
          state_ = State::text;
        }
        break;
      case State::dot:
        if (c == '\r') {
          from = i + 1;  // held back: it may be the end
          state_ = State::dot_cr;
          ++i;
        } else {
          state_ = State::text;
        }
        break;
      case State::dot_cr:
        if (c == '\n') {
          state_ = State::end;
          from = ++i;
        } else {
          take(std::string_view("\r", 1));
          state_ = State::cr;
        }
        break;
      case State::cr:
        state_ = c == '\n' ? State::line_start : State::text;
        if (c == '\n') ++i;
        break;
      case State::text: {
        const std::size_t next = block.find('\r', i);
        if (next == std::string_view::npos) {
          i = block.size();
        } else {
          i = next + 1;
          state_ = State::cr;
        }
        break;
      }
      case State::end:
        break;
    }
  }
  take_until(i);
  return i;
}

}  // namespace smtpgate::milter
