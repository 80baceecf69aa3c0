// The exit code that an Outcome means to whoever started the program (sysexits.h, as MTAs know
// them). For the programs of this room.
#pragma once

#include <sysexits.h>

#include "postoffice/outcome.h"

namespace smtpgate::postoffice {

inline int exit_code(const Outcome& outcome) {
  if (outcome.is_delivered()) return EX_OK;
  if (outcome.is_temporary()) return outcome.status() == "4.3.5" ? EX_CONFIG : EX_TEMPFAIL;
  return outcome.status() == "5.1.1" ? EX_NOUSER : EX_DATAERR;
}

}  // namespace smtpgate::postoffice
