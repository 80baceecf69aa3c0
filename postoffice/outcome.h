// How a thing on the delivery path ended: delivered, temporary or permanent, with one sentence.
//
// Not for: errors of the file format (mmff_error.h) or of a settings file (settings_file.h), which
// carry a place in a file. Both convert to an Outcome where they reach the delivery path.
//
// Values, no exceptions: every function on the delivery path returns an Outcome or an
// Expected<T>. An Outcome is an ordinary value; copy and move it, use it from any thread.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace smtpgate {

enum class OutcomeKind {
  delivered,  ///< durable in the mailbag, or known to be there already
  temporary,  ///< try again later: SMTP 4xx, exit 75
  permanent,  ///< a fact about the recipient or the message: SMTP 5xx, exit 65 or 67
};

class Outcome {
 public:
  /// `status` is the enhanced status code (RFC 3463), e.g. "2.0.0"; `sentence` says what happened,
  /// which file or address, and for failures what to do. It may hold hostile bytes: whoever prints
  /// it escapes it (printable.h).
  static Outcome delivered(std::string sentence, std::string status = "2.0.0");
  static Outcome temporary(std::string sentence, std::string status = "4.3.0");
  static Outcome permanent(std::string sentence, std::string status = "5.3.0");

  OutcomeKind kind() const { return kind_; }
  bool is_delivered() const { return kind_ == OutcomeKind::delivered; }
  bool is_temporary() const { return kind_ == OutcomeKind::temporary; }
  bool is_permanent() const { return kind_ == OutcomeKind::permanent; }
  const std::string& status() const { return status_; }
  const std::string& sentence() const { return sentence_; }
  /// The same with `more` behind its sentence.
  Outcome with(std::string_view more) const {
    return {kind_, status_, sentence_ + std::string(more)};
  }

  /// The worse of two: temporary beats permanent beats delivered, so that nothing that could
  /// still succeed is given up.
  friend const Outcome& worse(const Outcome& a, const Outcome& b);

 private:
  Outcome(OutcomeKind kind, std::string status, std::string sentence);

  OutcomeKind kind_;
  std::string status_;
  std::string sentence_;
};

const Outcome& worse(const Outcome& a, const Outcome& b);

/// A value, or the Outcome that says why there is none (never a delivered one).
template <typename T>
using Expected = tl::expected<T, Outcome>;

inline tl::unexpected<Outcome> failure(Outcome outcome) {
  return tl::unexpected<Outcome>(std::move(outcome));
}

}  // namespace smtpgate
