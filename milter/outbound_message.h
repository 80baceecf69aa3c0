// One try of one outgoing message: from the folder SMTP/ through the converter to the designated
// host, and what becomes of each recipient (docs/outgoing.md, "Failure"): sent, to be tried again,
// or failed and reported.
//
// Not for when a message is tried (outbound_service.h), nor for the dialogue (submission.h).
//
// The order of writes is the promise: results are durable before anybody is told, and a recipient
// that was sent is never tried again, whatever fails afterwards.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "converter/outbound.h"
#include "converter/spool.h"
#include "milter/configuration.h"
#include "milter/log.h"
#include "milter/message_observer.h"
#include "milter/submission.h"
#include "postoffice/file_system.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

struct OutboundContext {
  const Configuration& configuration;
  const postoffice::Postoffice& postoffice;
  postoffice::FileSystem& files;
  Log& log;
  /// As Submitter::submit(), with its `before_end`.
  std::function<SubmissionResult(const converter::OutboundEnvelope&, converter::Spool&,
                                 const std::function<void()>&)>
      submit;
  std::function<std::int64_t()> now;  ///< seconds since 1970
  /// The daemon leaves: what was not tried to its end counts as not tried.
  std::function<bool()> stopping = [] { return false; };
  /// Told of each try in which something was done; may be null.
  MessageObserver* observer = nullptr;
};

/// Whether the designated host was spoken to in a try.
enum class HostState { not_asked, answers, down };

struct TryResult {
  bool gone = false;              ///< it left SMTP/, or went to BAD
  std::int64_t next_attempt = 0;  ///< otherwise; seconds since 1970
  HostState host = HostState::not_asked;
  /// What became of the recipients, where that could not be written down: the next try must begin
  /// with it, or recipients that were sent would be sent again.
  std::optional<postoffice::OutgoingState> unsaved;
};

/// `unsaved` is that of the try before, if it had any. What libraries throw before anything is
/// submitted passes through.
TryResult try_message(postoffice::TakenMessage message, const OutboundContext& context,
                      std::optional<postoffice::OutgoingState> unsaved = {});

/// Seconds to wait after `attempts` tries (1: the first has failed).
std::int64_t retry_pause(const OutboundGatewaySettings& settings, unsigned attempts);

}  // namespace smtpgate::milter
