// How the commands of the program `postoffice` end: a sentence for a person, an exit code.
#pragma once

#include <iostream>

#include "postoffice/exit_code.h"
#include "postoffice/outcome.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

inline int fail(const Outcome& outcome) {
  std::cerr << "postoffice: " << printable(outcome.sentence()) << '\n';
  return exit_code(outcome);
}

inline int report(const Outcome& outcome) {
  if (!outcome.is_delivered()) return fail(outcome);
  std::cout << printable(outcome.sentence()) << '\n';
  return EX_OK;
}

}  // namespace smtpgate::postoffice
