// A new message of a mailbox out of a text, files and recipients: made as MMFF and dropped in the
// mailbox's outbox by a rename, as any program may. For `postoffice send`, and for receipts.
//
// Not for sending (outbox.h): that is the gateway's, which looks at what lies there. Needs no more
// rights than writing in the outbox. Constant memory. One call belongs to one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "postoffice/byte_stream.h"
#include "postoffice/file_system.h"
#include "postoffice/mmff.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct Composition {
  std::string mailbox;  ///< whose message it is, any case
  /// As people write them: a name of this postoffice, NET/PO/MAILBOX, user@host, SMTP:user@host.
  std::vector<std::string> to;
  std::vector<std::string> cc;
  std::vector<std::string> bcc;
  std::string subject;                   ///< UTF-8
  std::string priority;                  ///< one letter or digit; empty: none
  std::vector<std::string> attachments;  ///< files of whoever calls; links in them are followed
  std::vector<ExtendedField> fields;     ///< further EXT fields; values in UTF-8
};

/// A message that lies in the outbox under a name that is nobody's, whole and synced; it goes with
/// the object unless it was dropped.
class MessageDraft {
 public:
  /// `text` is UTF-8 with LF or CR LF. permanent: an address (5.1.1, 5.1.3) or a file is at fault.
  static Expected<MessageDraft> make(const Postoffice& postoffice, const Composition& composition,
                                     ByteSource& text);

  MessageDraft(MessageDraft&&) noexcept;
  MessageDraft& operator=(MessageDraft&&) noexcept;
  ~MessageDraft();

  /// Renames it, once. Delivered: it is durable; the sentence says under which name.
  Outcome drop();
  bool is_dropped() const;  ///< also where drop() failed behind the rename

 private:
  struct State;
  explicit MessageDraft(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Both at once.
Outcome drop_message(const Postoffice& postoffice, const Composition& composition,
                     ByteSource& text);

}  // namespace smtpgate::postoffice
