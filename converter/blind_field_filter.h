// Takes Bcc and Resent-Bcc fields out of a raw message: a message that is attached whole stands in
// a file that its recipients share, and a blind recipient appears in no such file (house rule 9).
// Not for enclosed messages, which are what their sender enclosed.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate::converter {

class BlindFieldFilter {
 public:
  /// Appends what of `piece` stays; pieces may be cut anywhere. Lines end in LF or CR LF.
  void feed(std::string_view piece, std::string& out);
  /// Everything that comes stays.
  bool is_past_header() const { return state_ == State::body; }

 private:
  enum class State {
    line_start,  ///< gathering the beginning of a header line
    keep,        ///< inside a header line that stays
    drop,        ///< inside one that goes
    body,
  };
  void decide(std::string& out);

  State state_ = State::line_start;
  bool dropping_field_ = false;  ///< the field of the last line went: its folds go too
  std::string start_;
};

}  // namespace smtpgate::converter
