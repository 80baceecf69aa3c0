// What the attachments of one message are called in its file: safe, unique, in the postoffice's
// character set, and in the form 8.3 where that is wanted. Not for what a sender's name means
// (leaf_plan.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "postoffice/safe_file_name.h"
#include "postoffice/short_name.h"

namespace smtpgate::converter {

class AttachmentNames {
 public:
  enum class Form { any, short_8_3 };

  /// `character_set` is the postoffice's; `longest` in octets.
  AttachmentNames(std::string character_set, std::size_t longest, Form form = Form::any)
      : character_set_(std::move(character_set)), longest_(longest), form_(form) {}

  /// A name never given before, in the postoffice's set. `wanted` (UTF-8) is anything a stranger
  /// wrote; `fallback` is used if nothing of it is left.
  std::string take(std::string_view wanted, std::string_view fallback);
  /// UTF-8 to the postoffice's set.
  std::string in_set(std::string_view text) const;
  void clear() {
    taken_ = {};
    taken_short_ = {};
  }

 private:
  std::string character_set_;
  std::size_t longest_;
  Form form_;
  postoffice::UniqueNames taken_;
  postoffice::ShortNames taken_short_;
};

}  // namespace smtpgate::converter
