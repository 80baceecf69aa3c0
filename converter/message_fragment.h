// Parts that hold not all of what they stand for: a piece of a message that was cut
// (message/partial), or a reference to content that lies elsewhere (message/external-body; RFC
// 2046, 5.2.2 and 5.2.3). What to say of them; they are kept as they came. Nothing here joins
// pieces, and nothing is ever fetched.
#pragma once

#include <optional>
#include <string>

#include "converter/mime_parameters.h"

namespace smtpgate::converter {

struct MessageFragment {
  std::string mark;      ///< docs/conversion.md
  std::string sentence;  ///< for a reader; UTF-8, one line without its end
};

/// nullopt: the type is neither.
std::optional<MessageFragment> describe_fragment(const ContentType& type);

}  // namespace smtpgate::converter
