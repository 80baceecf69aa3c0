// Filing an MMFF file by hand, as `smtpput` does: each message of it is routed, to the recipients
// given or to its own TO and CC, and filed. Never to the Internet (house rule 9).
//
// Not for the gateway's own deliveries: those have their message and recipients already (put.h).
// One call belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/envelope_file.h"
#include "postoffice/file_system.h"
#include "postoffice/hand_rest.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct HandPutOptions {
  /// -r: every message goes to these. Empty, and no envelope: each to its own TO and CC.
  std::vector<NativeAddress> recipients;
  /// -e: every message goes to these, and its content key is believed, because it then comes from
  /// the converter. Otherwise CONTENT-KEY is left out of what is filed, and nothing is a duplicate.
  std::optional<std::vector<EnvelopeLine>> envelope;
  ReaderOptions reader;
};

/// What became of one message for one recipient, or of a message, or of the file.
struct HandPutNote {
  int number = 0;  ///< of the original's errors; 0: filed
  std::uint64_t message = 0;
  std::uint64_t line = 0;  ///< within the message; 0: none in particular
  std::string text;        ///< hostile bytes possible
  OutcomeKind kind = OutcomeKind::delivered;

  /// "142-1-2 text"; for what was filed "message 1: text". Printable.
  std::string str() const;
};

struct HandPutResult {
  /// A message of the file that some mailbag took.
  struct Filed {
    std::uint64_t message = 0;
    std::vector<std::string> mailboxes;  ///< where, if not everywhere; empty: it is delivered
  };

  std::uint64_t messages = 0;
  bool all_delivered = true;
  bool some_temporary = false;
  std::vector<Filed> filed;
  /// What is left of the file, for replace_by_rest(): messages that are not delivered, with FILED
  /// fields where some have them, and all from a broken format on.
  std::vector<RestPiece> rest;
  /// Why `rest` cannot say all of it; empty: it can.
  std::string rest_problem;
};

/// `file` is the MMFF file, open, from its start. `tell` hears of everything in order. Messages
/// after one that cannot be filed are still filed; a broken format ends the file. A message without
/// any recipient is an error. Mailboxes that the message's FILED fields name get it no more.
HandPutResult put_by_hand(const Postoffice& postoffice, File& file, const HandPutOptions& options,
                          const std::function<void(const HandPutNote&)>& tell);

}  // namespace smtpgate::postoffice
