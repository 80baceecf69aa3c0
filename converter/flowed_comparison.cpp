// FlowedComparison: see the header.
#include "converter/flowed_comparison.h"

#include <algorithm>
#include <iterator>

#include "converter/text_survey.h"

namespace smtpgate::converter {

namespace {

// Of what came and was not written again yet: quote marks can make it many times as long as the
// line that it becomes.
constexpr std::size_t most_pending = std::size_t{1} << 20;

void append_without_cr(std::string_view octets, std::string& out) {
  std::copy_if(octets.begin(), octets.end(), std::back_inserter(out),
               [](char c) { return c != '\r'; });
}

}  // namespace

void FlowedComparison::compare(std::string_view written) {
  const std::string_view rest = std::string_view(expected_).substr(compared_);
  is_same_ = is_same_ && rest.starts_with(written);
  compared_ += written.size();
}

void FlowedComparison::feed(std::string_view as_sent, std::string_view joined) {
  if (!is_same_) return;
  expected_.erase(0, compared_);
  compared_ = 0;
  append_without_cr(as_sent, expected_);
  // Line by line, so that a writer's line is known to be too long before much of it is held.
  while (!joined.empty() && is_same_) {
    const std::size_t end = joined.find('\n');
    const std::size_t size = end == std::string_view::npos ? joined.size() : end + 1;
    lines_.clear();
    written_.clear();
    append_without_cr(joined.substr(0, size), lines_);
    joined.remove_prefix(size);
    if (writer_.held() + lines_.size() > longest_flowed_line) {
      is_same_ = false;
    } else {
      writer_.feed(lines_, written_);
      compare(written_);
    }
  }
  if (expected_.size() - compared_ > most_pending) is_same_ = false;
  if (!is_same_) expected_.clear();
}

void FlowedComparison::finish() {
  if (!is_same_) return;
  written_.clear();
  writer_.finish(written_);
  compare(written_);
  is_same_ = is_same_ && compared_ == expected_.size();
}

}  // namespace smtpgate::converter
