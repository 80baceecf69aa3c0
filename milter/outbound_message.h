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

#include "converter/outbound.h"
#include "converter/spool.h"
#include "milter/configuration.h"
#include "milter/log.h"
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
  std::function<SubmissionResult(const converter::OutboundEnvelope&, converter::Spool&)> submit;
  std::function<std::int64_t()> now;  ///< seconds since 1970
};

struct TryResult {
  bool gone = false;              ///< it left SMTP/, or went to BAD
  std::int64_t next_attempt = 0;  ///< otherwise; seconds since 1970
  /// The designated host could not be spoken to at all: there is no sense in trying others yet.
  bool host_down = false;
};

/// What libraries throw passes through; nothing is lost then. Far in the future is `next_attempt`
/// of a message that is held.
TryResult try_message(postoffice::TakenMessage message, const OutboundContext& context);

/// Seconds to wait after `attempts` tries (1: the first has failed).
std::int64_t retry_pause(const OutboundGatewaySettings& settings, unsigned attempts);

}  // namespace smtpgate::milter
