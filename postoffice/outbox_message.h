// One message of a file taken from an outbox: who sent it, who gets it, and serving them
// (docs/outgoing.md, "The outbox", 5 to 9). Internal to this room; outbox.cpp walks the files.
//
// Every effect has a key made of the file's id and the message's ordinal, so that serving a message
// again after a crash changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"
#include "postoffice/mmff.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outbox.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// No external files; recipients bounded, since each is looked up.
ReaderOptions outbox_reader_options();

/// Who may write in an outbox may send as its mailbox, and as nobody else: what is wrong with FROM
/// of the message `number` of a file; nothing if it may be sent. Temporary: the name cannot be
/// looked up.
Expected<std::optional<FormatError>> why_not_from(const Postoffice& postoffice,
                                                  const std::string& mailbox,
                                                  const MessageHeader& header,
                                                  std::uint64_t number);

/// A message in work.
struct OutboxMessage {
  std::string mailbox;  ///< folded; whose outbox it was in
  std::string file;     ///< its name there; hostile
  std::string id;       ///< of the file: its work directory
  std::uint64_t number = 1;
  const MessageHeader* header = nullptr;
  Reader* reader = nullptr;  ///< at the contents of the message
  File* content = nullptr;   ///< what the reader reads
  std::uint64_t start = 0;   ///< of the message in it
  std::uint64_t size = 0;    ///< octets of the message
  bool is_late = false;      ///< trouble that may pass has lasted too long: it is reported now
};

/// What became of it.
struct OutboxServed {
  std::optional<FormatError> refused;  ///< to be set aside; nobody was served
  bool is_format_error = false;        ///< `refused` concerns the rest of the file too
  bool is_unfinished = false;          ///< trouble that may pass: serve it again later
  bool was_handed_over = false;        ///< to SMTP/
};

OutboxServed serve_outbox_message(const Postoffice& postoffice, const OutboxMessage& message,
                                  const std::function<void(const OutboxNote&)>& tell);

}  // namespace smtpgate::postoffice
