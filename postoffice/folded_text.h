// Text made comparable for people who look for something: without regard to case, to the way in
// which letters and marks are composed, to invisible characters and to how lines are broken.
//
// Not for names of mailboxes (address.h) or attachments (safe_file_name.h). Values; one thread.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate::postoffice {

/// `text` (UTF-8; what is none becomes U+FFFD): Unicode case folding in form NFKC, characters that
/// are to be ignored left out, each run of blanks and line ends one space, none at either end.
std::string fold_text(std::string_view text);

/// Looks for something in a text that comes in pieces, in constant memory. A match may run over
/// any number of pieces and lines.
class TextFinder {
 public:
  explicit TextFinder(std::string_view wanted) : wanted_(fold_text(wanted)) {}

  /// Whole characters of UTF-8. True once it was found.
  bool feed(std::string_view piece);
  /// After the last piece: whether it was found.
  bool finish();

 private:
  void look_at(std::string_view text);

  std::string wanted_;
  std::string pending_;  ///< not yet folded: it may end in the middle of a word
  std::string window_;   ///< folded; the last of it may begin a match
  bool is_found_ = false;
};

}  // namespace smtpgate::postoffice
