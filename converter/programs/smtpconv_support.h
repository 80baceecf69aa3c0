// What the commands of smtpconv share: how they fail. Not for anything but smtpconv.
#pragma once

#include <iostream>
#include <string_view>

#include <sysexits.h>

#include "postoffice/outcome.h"
#include "postoffice/printable.h"

namespace smtpgate::smtpconv {

/// Says why on standard error; gives `code` back.
inline int fail(int code, std::string_view sentence) {
  std::cerr << "smtpconv: " << printable(sentence) << '\n';
  return code;
}

inline int exit_code(const Outcome& outcome) {
  if (outcome.is_delivered()) return EX_OK;
  return outcome.is_temporary() ? EX_TEMPFAIL : EX_DATAERR;
}

}  // namespace smtpgate::smtpconv
