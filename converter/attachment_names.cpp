// AttachmentNames: see the header.
#include "converter/attachment_names.h"

#include <algorithm>

#include "postoffice/character_set.h"

namespace smtpgate::converter {

std::string AttachmentNames::take(std::string_view wanted, std::string_view fallback) {
  std::string name = postoffice::safe_file_name(wanted, fallback, longest_);
  // ASCII and safe, so the same in every set.
  if (form_ == Form::short_8_3) return taken_short_.take(name);
  // What the encoder puts for a character that the set lacks ('?', or quotes and the like) may not
  // be safe: the name is judged once more as it will read in the file.
  name = postoffice::to_utf8(in_set(name), character_set_);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '?' || c == '/' || c == '\\'; }, '_');
  name = postoffice::safe_file_name(name, fallback, longest_);
  return in_set(taken_.take(name));
}

std::string AttachmentNames::in_set(std::string_view text) const {
  return postoffice::from_utf8(text, character_set_);
}

}  // namespace smtpgate::converter
