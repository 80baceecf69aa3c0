// What the attachments of one message are called in its file: safe, unique, in the postoffice's
// character set. Not for what a sender's name means (leaf_plan.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "postoffice/safe_file_name.h"

namespace smtpgate::converter {

class AttachmentNames {
 public:
  /// `character_set` is the postoffice's; `longest` in octets.
  AttachmentNames(std::string character_set, std::size_t longest)
      : character_set_(std::move(character_set)), longest_(longest) {}

  /// A name never given before, in the postoffice's set. `wanted` (UTF-8) is anything a stranger
  /// wrote; `fallback` is used if nothing of it is left.
  std::string take(std::string_view wanted, std::string_view fallback);
  /// UTF-8 to the postoffice's set.
  std::string in_set(std::string_view text) const;
  void clear() { taken_ = {}; }

 private:
  std::string character_set_;
  std::size_t longest_;
  postoffice::UniqueNames taken_;
};

}  // namespace smtpgate::converter
