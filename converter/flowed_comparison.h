// Whether a flowed text that was joined can be had back: whether our own writer (flowed_text.h)
// breaks the joined text into the very lines that came. Where it does, nothing is lost by keeping
// the joined text alone; where it does not (another width, DelSp, blanks that mean nothing), the
// lines as they came are worth keeping too.
//
// Reads both texts side by side, in pieces of any size, with bounded memory: a paragraph above 64
// KiB, which our writer would not break, is none of its, nor one that came as more than 1 MiB. Not
// for joining (flowed_join.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "converter/flowed_text.h"

namespace smtpgate::converter {

class FlowedComparison {
 public:
  /// The next octets as they came, and what FlowedJoin made of them so far. CRs count for nothing.
  void feed(std::string_view as_sent, std::string_view joined);
  void finish();

  /// After finish().
  bool is_same() const { return is_same_; }

 private:
  void compare(std::string_view written);

  FlowedWriter writer_;
  std::string expected_;      ///< came, but was not written again yet
  std::size_t compared_ = 0;  ///< octets of expected_ that were
  std::string lines_;
  std::string written_;
  bool is_same_ = true;
};

}  // namespace smtpgate::converter
