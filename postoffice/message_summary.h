// One message of a mailbag in one line: whom it is from, what it is about, how large it is. For
// `postoffice list`, `find` and `watch`: a row of a table for people, an object for programs.
//
// Not for showing a message (mmff_show.h). Strings are UTF-8 as their senders wrote them; the table
// makes them printable.
#pragma once

#include <cstdint>
#include <string>

#include "postoffice/address.h"
#include "postoffice/mailbag.h"
#include "postoffice/mmff.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

/// What the first message of a file says of itself; or what is wrong with it.
struct MessageSummary {
  TypedAddress from;
  TypedAddress to;  ///< the first
  std::size_t recipients = 0;
  std::string subject;
  std::size_t attachments = 0;
  std::string problem;
};

/// Opens it and reads its header. `fallback` is the character set of a file that names none.
MessageSummary summarize(const Mailbag& mailbag, const MailbagEntry& entry,
                         const std::string& fallback);
MessageSummary summarize(const MessageHeader& header, const std::string& fallback);

/// Whom it is from; of what was sent, whom it is for.
std::string correspondent(const MessageSummary& summary, MailbagPart part);

/// An object, on one line: docs/man/postoffice.1.scd, --json. Times in the postoffice's zone.
std::string summary_json(const Postoffice& postoffice, const MailbagEntry& entry,
                         const MessageSummary& summary, MailbagPart part);

/// The zone of whoever runs the program: TZ, or the machine's. UTC if that cannot be read.
TimeZone readers_zone();

/// Rows of messages, in columns that fit the terminal; times in `zone`.
class MessageTable {
 public:
  explicit MessageTable(MailbagPart part, TimeZone zone = readers_zone());

  void add(const MailbagEntry& entry, const MessageSummary& summary);
  void print(std::ostream& out, const Terminal& terminal) const {
    table_.print(out, terminal.width, terminal.with_colours);
  }

 private:
  MailbagPart part_;
  TimeZone zone_;
  Table table_;
};

}  // namespace smtpgate::postoffice
