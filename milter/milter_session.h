// Door 1's state and decisions for one SMTP session: which recipients are claimed, refused or left
// to door 2, and what is deleted from Postfix's envelope at the end of the message. No libmilter
// types here: milter_door.cpp translates callbacks into these calls, tests make the calls
// themselves.
//
// The rules (docs/flow.md, "Door 1"): only recipients that Postfix routes to our transport; any
// doubt, do not claim; durable first, then delete; what is not deleted stays in Postfix's queue and
// comes through door 2.
//
// Calls may come in any order, twice, or not at all, from any thread, one at a time. A session
// never throws.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/envelope.h"
#include "converter/inbound.h"
#include "milter/configuration.h"
#include "milter/inbound_delivery.h"
#include "milter/log.h"
#include "milter/message_observer.h"
#include "milter/recipient_resolver.h"
#include "postoffice/file_system.h"

namespace smtpgate::milter {

/// What sessions share. All outlive them.
struct SessionServices {
  /// The last good configuration; a transaction keeps the one it began with.
  std::function<std::shared_ptr<const Configuration>()> configuration;
  Log* log = nullptr;
  postoffice::FileSystem* files = &postoffice::FileSystem::posix();
  /// True once the daemon is stopping: then nothing new is claimed.
  std::function<bool()> stopping = [] { return false; };
  /// Whether Postfix may be told to drop the whole message, once each recipient is filed
  /// (discard_claim.h). Asked only where the configuration wants it.
  std::function<bool()> may_discard = [] { return false; };
  /// Told of every message; may be null.
  MessageObserver* observer = nullptr;
  /// Shadow mode: whatever a session decides, the door refuses nobody and takes nothing.
  bool is_shadow = false;
};

/// The answer to a recipient: none (let it pass), or an SMTP reply that refuses it.
struct RecipientReply {
  std::string code;    ///< "550", "451"
  std::string status;  ///< "5.1.1", "4.3.5"
  std::string text;    ///< printable ASCII
};

/// The recipient that RCPT gave, if it is spelt so that door 1 may claim it; `routed` is what
/// Postfix says it routes.
std::optional<converter::InternetAddress> plain_address(std::string_view path,
                                                        const std::optional<std::string>& routed);

class MilterSession {
 public:
  explicit MilterSession(SessionServices services);
  ~MilterSession();

  void connected(std::string_view host_name, std::string_view address);

  struct SenderMacros {
    std::optional<std::string> mail_address;  ///< {mail_addr}; empty string for <>
    std::string authenticated;                ///< {auth_authen}
  };
  /// A new transaction; whatever was open is dropped. `parameters` are ESMTP words.
  void mail_from(std::string_view path, const std::vector<std::string>& parameters,
                 const SenderMacros& macros);

  struct RecipientMacros {
    std::string mailer;                            ///< {rcpt_mailer}
    std::optional<std::string> recipient_address;  ///< {rcpt_addr}
  };
  /// `queue_id` is empty where Postfix has none yet.
  std::optional<RecipientReply> recipient(std::string_view path,
                                          const std::vector<std::string>& parameters,
                                          const RecipientMacros& macros,
                                          std::string_view queue_id = {});

  /// At DATA: whether any recipient is claimed, so that the content is of interest. If not, the
  /// transaction is over for us.
  bool wants_content(std::string_view queue_id = {});

  /// `value` as Postfix gives it: folds joined by bare LF, blanks kept from the colon on.
  void header(std::string_view name, std::string_view value);
  void end_of_headers();
  void body(std::string_view piece);

  /// Deletes one recipient from Postfix's envelope, by the very string that RCPT gave; false if it
  /// could not be told.
  using DeleteRecipient = std::function<bool(const std::string& path)>;
  enum class Answer {
    go_on,
    discard  ///< everything is filed and nobody was deleted: Postfix is to drop the message
  };
  Answer end_of_message(std::string_view queue_id, const DeleteRecipient& delete_recipient);

  /// Drops the open message, if any. Facts about the connection stay.
  void abort();
  /// Whether the content of a claimed message has begun and not ended: what a stopping daemon waits
  /// for.
  bool receiving_content() const;

 private:
  struct Transaction;

  bool is_considered(std::string_view path, const RecipientMacros& macros) const;
  std::optional<RecipientReply> refuse(const Resolution& resolution, std::string_view path);
  void note_refused(std::string_view path, const Outcome& outcome);
  void tell_of_left();
  void observe(MessageRecord record);
  void leave(std::string_view path, std::string_view reason);
  void unclaim_spellings_left();
  void feed(std::string_view piece);
  Answer deliver(const DeleteRecipient& delete_recipient);
  bool may_discard(const std::vector<Outcome>& outcomes) const;
  std::vector<std::size_t> tell_outcomes(const std::vector<Outcome>& outcomes,
                                         const DeliveryDelays& delays, bool discards,
                                         const DeleteRecipient& delete_recipient);

  SessionServices services_;
  std::string client_name_;
  std::string client_address_;
  std::unique_ptr<Transaction> transaction_;
};

}  // namespace smtpgate::milter
