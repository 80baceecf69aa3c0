// Looks a whole postoffice over and mends what can be mended without asking: docs/checking.md has
// the findings, one row each. Safe beside running deliveries and readers, on any host. Not for how
// Postfix and the gateway are set up (milter/check.h).
//
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct CheckFinding {
  enum class State {
    found,   ///< is there, and not mended
    mended,  ///< by this run
    failed,  ///< could not be mended: `what` ends with why
    note     ///< worth knowing, no fault
  };
  std::string kind;    ///< the word of docs/checking.md
  std::string what;    ///< with the file or address; hostile octets possible
  std::string remedy;  ///< what to do
  State state = State::found;
};

struct CheckResult {
  std::vector<CheckFinding> findings;
  std::vector<Outcome> troubles;  ///< what could not be looked at
  std::uint64_t mailboxes = 0;
  std::uint64_t messages = 0;  ///< of mailbags, each time they lie in one
  std::uint64_t octets = 0;    ///< read

  bool is_clean() const;  ///< nothing is left but notes, and all was looked at
};

struct CheckOptions {
  bool repairs = false;
  std::int64_t now = 0;                              ///< seconds since 1970
  std::function<void(const CheckFinding&)> found;    ///< at once; may be empty
  std::function<void(std::uint64_t messages)> seen;  ///< progress; may be empty
};

CheckResult check_postoffice(const Postoffice& postoffice, const CheckOptions& options);

}  // namespace smtpgate::postoffice
