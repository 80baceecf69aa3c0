// Outcome: see the header. Nothing here does I/O.
#include "postoffice/outcome.h"

#include <utility>

namespace smtpgate {

Outcome::Outcome(OutcomeKind kind, std::string status, std::string sentence)
    : kind_(kind), status_(std::move(status)), sentence_(std::move(sentence)) {}

Outcome Outcome::delivered(std::string sentence, std::string status) {
  return {OutcomeKind::delivered, std::move(status), std::move(sentence)};
}

Outcome Outcome::temporary(std::string sentence, std::string status) {
  return {OutcomeKind::temporary, std::move(status), std::move(sentence)};
}

Outcome Outcome::permanent(std::string sentence, std::string status) {
  return {OutcomeKind::permanent, std::move(status), std::move(sentence)};
}

const Outcome& worse(const Outcome& a, const Outcome& b) {
  auto weight = [](const Outcome& outcome) {
    switch (outcome.kind()) {
      case OutcomeKind::delivered:
        return 0;
      case OutcomeKind::permanent:
        return 1;
      case OutcomeKind::temporary:
        return 2;
    }
    return 2;
  };
  return weight(b) > weight(a) ? b : a;
}

}  // namespace smtpgate
