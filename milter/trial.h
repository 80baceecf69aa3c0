// What the gateway would do with a message, found out without doing it: `smtpgate try`. The same
// resolver, converter and rules as both doors; the postoffices are looked at through a file system
// that refuses every write, so that nothing can be filed, made or marked.
//
// Not for printing it: trial_text.h. Not for mail that is really on its way: inbound_delivery.h.
//
// What it cannot know: which transport Postfix would choose, what a disk would refuse, and what is
// in a message that a peer has encapsulated, which says itself who gets it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "converter/inbound.h"
#include "milter/configuration.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

struct TrialRequest {
  std::string sender;                   ///< a path, or an address; empty for <>
  std::vector<std::string> recipients;  ///< paths or addresses, as RCPT would give them
  bool is_authenticated = false;        ///< its sender has logged in
  std::int64_t arrival = 0;             ///< seconds since 1970
  std::size_t lines = 20;               ///< of the text, at most
};

enum class TrialDoor {
  none,    ///< refused at RCPT, or not for us
  first,   ///< filed and claimed at the end of the message
  second,  ///< left in Postfix's queue, and tried by its lmtp client
};

struct TrialMailbox {
  std::string name;  ///< NET/PO/BOX
  Outcome outcome;
};

struct TrialRecipient {
  std::string address;                  ///< without brackets
  std::string destination;              ///< NET/PO/NAME; empty if unknown
  std::string how;                      ///< "mailbox", "alias", "group", "delimiter", "catch-all"
  std::vector<TrialMailbox> mailboxes;  ///< all it comes to here
  std::vector<std::string> beyond;      ///< addresses that it is passed on to
  std::vector<std::string> failures;    ///< members that are nobody, or cannot be looked up
  TrialDoor door = TrialDoor::none;
  std::string why_door;                      ///< why it is not the first; empty if it is
  Outcome outcome = Outcome::delivered({});  ///< of the recipient as a whole
  std::string reply;                         ///< what Postfix would be answered
};

struct TrialAttachment {
  std::string name;
  std::string content_type;
  std::uint64_t size = 0;  ///< octets
  std::vector<std::string> odd;
};

/// What the message becomes in one postoffice. All strings UTF-8, unescaped.
struct TrialMessage {
  std::string postoffice;                    ///< NET/PO
  Outcome outcome = Outcome::delivered({});  ///< of the conversion
  std::string from;
  std::vector<std::string> to;
  std::vector<std::string> cc;
  std::string subject;
  std::string character_set;
  std::uint64_t file_size = 0;           ///< octets of the MMFF file
  std::uint64_t text_size = 0;           ///< octets of the text in it, header lines included
  std::vector<std::string> first_lines;  ///< of the text, header lines not included
  bool has_more_lines = false;
  std::vector<TrialAttachment> attachments;
  std::vector<std::string> odd;  ///< marks of the message, then those of its attachments
  std::string content_key;
  double seconds = 0;  ///< that the conversion took
};

struct Trial {
  std::string sender;
  std::uint64_t size = 0;  ///< octets of the message as it came
  std::vector<TrialRecipient> recipients;
  std::vector<TrialMessage> messages;  ///< one for each postoffice that has a recipient, or else
                                       ///< one for the first that can be opened

  /// The worst of all recipients.
  Outcome worst() const;
};

/// `raw` holds the message; `place` is for work files and must not lie in a postoffice. Never
/// throws: what libraries throw becomes a temporary outcome.
Trial try_message(const Configuration& configuration, const TrialRequest& request,
                  converter::RawMessage& raw, const converter::SpoolPlace& place,
                  postoffice::FileSystem& files = postoffice::FileSystem::posix());

}  // namespace smtpgate::milter
