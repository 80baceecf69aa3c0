// What one outgoing message is submitted as: its waiting recipients sorted by the form they need,
// and each form made by the converter (docs/outgoing.md, docs/encapsulation.md). Not for submitting
// it, nor for what becomes of the recipients: outbound_message.h.
#pragma once

#include <cstddef>
#include <vector>

#include "converter/outbound.h"
#include "converter/spool.h"
#include "milter/configuration.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

/// One form of the message and who gets it.
struct PreparedSubmission {
  converter::OutboundEnvelope envelope;
  converter::Spool content;
  /// Of each of the envelope's recipients, the places in the state of those whom it stands for:
  /// one, or all whom an encapsulated message is for.
  std::vector<std::vector<std::size_t>> places;
  bool is_encapsulated = false;

  explicit PreparedSubmission(const converter::SpoolPlace& place) : content(place) {}
};

struct Preparation {
  struct Result {
    std::size_t place = 0;  ///< in the state
    Outcome outcome;        ///< permanent or temporary
  };
  std::vector<PreparedSubmission> submissions;
  std::vector<Result> results;  ///< of those whom it cannot be submitted for
};

/// An error concerns the message as a whole. `state` is its state at this moment, which may be
/// newer than what `message` says.
Expected<Preparation> prepare_submissions(const Configuration& configuration,
                                          const postoffice::Postoffice& postoffice,
                                          postoffice::FileSystem& files,
                                          const postoffice::TakenMessage& message,
                                          const postoffice::OutgoingState& state);

}  // namespace smtpgate::milter
