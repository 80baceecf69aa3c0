// BlindFieldFilter: see the header. Only the first octets of a line are gathered; the rest passes.
#include "converter/blind_field_filter.h"

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

// "Resent-Bcc" and a few blanks before the colon.
constexpr std::size_t longest_start = 32;

bool is_blind_field(std::string_view start) {
  const std::size_t colon = start.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view name = trim(start.substr(0, colon));
  return equals_ignoring_case(name, "Bcc") || equals_ignoring_case(name, "Resent-Bcc");
}

}  // namespace

void BlindFieldFilter::decide(std::string& out) {
  const bool is_fold = is_blank(start_.front());
  if (!is_fold) dropping_field_ = is_blind_field(start_);
  state_ = dropping_field_ ? State::drop : State::keep;
  if (!dropping_field_) out += start_;
  start_.clear();
}

void BlindFieldFilter::feed(std::string_view piece, std::string& out) {
  std::size_t at = 0;
  while (at < piece.size()) {
    if (state_ == State::body) {
      out += piece.substr(at);
      return;
    }
    if (state_ == State::line_start) {
      const char c = piece[at++];
      start_ += c;
      if (c == '\n') {
        const bool is_empty_line = trim(start_).empty() && !is_blank(start_.front());
        decide(out);
        state_ = is_empty_line ? State::body : State::line_start;
      } else if (c == ':' || start_.size() == longest_start) {
        decide(out);
      }
      continue;
    }
    const std::size_t end = piece.find('\n', at);
    const std::size_t next = end == std::string_view::npos ? piece.size() : end + 1;
    if (state_ == State::keep) out += piece.substr(at, next - at);
    if (end != std::string_view::npos) state_ = State::line_start;
    at = next;
  }
}

}  // namespace smtpgate::converter
