// What one message in TNEF says besides its files: the container's own, or one embedded in it. Not
// for reading it (tnef_message_reader.h) or for what becomes of it (tnef_expansion.h).
#pragma once

#include <optional>
#include <string>

#include "converter/meeting.h"
#include "converter/spool.h"

namespace smtpgate::converter {

/// Strings are UTF-8, at most a thousand octets each, as the sender wrote them: hostile.
struct TnefMessage {
  explicit TnefMessage(const SpoolPlace& place) : text(place), html(place), rtf(place) {}

  unsigned depth = 0;  ///< 0: the container's own
  std::string name;    ///< of the attachment that it is; empty at depth 0
  std::string subject;
  std::string to;
  MeetingPerson from;
  std::optional<MeetingTime> sent;
  std::optional<Meeting> meeting;
  Spool text;  ///< in `text_charset`; empty: none
  std::string text_charset;
  Spool html;  ///< in `html_charset`; empty: none
  std::string html_charset;
  Spool rtf;  ///< not compressed; empty: none
};

class TnefMessageHandler {
 public:
  virtual ~TnefMessageHandler() = default;
  /// A message is complete: all its own files were told. It goes away after the call.
  virtual void message(TnefMessage& message) = 0;
};

}  // namespace smtpgate::converter
