// FlowedJoin: see the header. One state machine over octets; what may be a line's last blank, or
// the signature line, is held back until it is clear.
#include "converter/flowed_join.h"

#include <algorithm>

namespace smtpgate::converter {

namespace {

constexpr std::string_view signature = "-- ";

}  // namespace

/// The content of a line begins: on a line of its own, or behind the line that flows into it.
void FlowedJoin::begin_content(bool joins, bool is_empty, std::string& out) {
  state_ = State::content;
  const bool goes_on = flows_ && joins && flow_depth_ == depth_;
  if (flows_ && !goes_on) out += flow_end_;
  flows_ = false;
  if (goes_on) return;
  out.append(depth_, '>');
  if (depth_ > 0 && is_stuffed_ && !is_empty) out += ' ';
}

void FlowedJoin::end_line(std::string_view line_end, std::string& out) {
  const bool is_signature = state_ == State::beginning && beginning_ == signature;
  if (state_ != State::content) {
    // Writers end paragraphs in a blank, too: an empty line stays one.
    begin_content(!is_signature && !beginning_.empty(), beginning_.empty(), out);
    std::string held;
    held.swap(beginning_);
    has_blank_ = held.ends_with(' ');
    if (has_blank_) held.pop_back();
    out += held;
  }
  const bool flows = has_blank_ && !is_signature && !line_end.empty();
  if (has_blank_ && !(flows && deletes_space_)) out += ' ';
  if (flows) {
    flows_ = true;
    flow_depth_ = depth_;
    flow_end_ = line_end;
  } else {
    out += line_end;
  }
  has_blank_ = false;
  depth_ = 0;
  is_stuffed_ = false;
  state_ = State::quotes;
}

/// A CR that ends no line is text.
void FlowedJoin::text_cr(std::string& out) {
  has_cr_ = false;
  if (state_ != State::content) {
    begin_content(true, false, out);
    out += beginning_;
    beginning_.clear();
  }
  if (has_blank_) out += ' ';
  has_blank_ = false;
  out += '\r';
}

void FlowedJoin::feed(std::string_view octets, std::string& out) {
  for (std::size_t at = 0; at < octets.size(); ++at) {
    const char c = octets[at];
    if (c == '\n') {
      end_line(has_cr_ ? "\r\n" : "\n", out);
      has_cr_ = false;
      continue;
    }
    if (has_cr_) text_cr(out);
    if (c == '\r') {
      has_cr_ = true;
      continue;
    }
    if (state_ == State::quotes) {
      if (c == '>') {
        ++depth_;
        continue;
      }
      state_ = State::beginning;
      is_stuffed_ = c == ' ';
      if (is_stuffed_) continue;  // it protects what stands behind it
    }
    if (state_ == State::beginning) {
      beginning_ += c;
      if (signature.starts_with(beginning_)) continue;
      begin_content(true, false, out);
      has_blank_ = beginning_.ends_with(' ');
      if (has_blank_) beginning_.pop_back();
      out += beginning_;
      beginning_.clear();
      continue;
    }
    if (has_blank_) out += ' ';
    has_blank_ = c == ' ';
    if (has_blank_) continue;
    const std::size_t end = std::min(octets.find_first_of(" \r\n", at), octets.size());
    out.append(octets, at, end - at);
    at = end - 1;
  }
}

void FlowedJoin::finish(std::string& out) {
  if (has_cr_) text_cr(out);
  const bool is_empty = state_ == State::quotes && depth_ == 0;
  if (!is_empty) end_line("", out);
  if (flows_) out += flow_end_;
  flows_ = false;
}

}  // namespace smtpgate::converter
