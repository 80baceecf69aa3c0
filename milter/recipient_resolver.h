// Internet address to NET/PO/MAILBOX: the one place that does it, in the one order (docs/flow.md,
// "Whose mailbox"): parse and unquote, domain to A-labels, address map, the postoffices that share
// the domain, then the postoffice's own order (NFC, case, mailbox, alias, delimiter, catch-all).
//
// Not for deciding what to do with the answer: each door has its own reply.
//
// One thread. Opens each postoffice once, when it is first needed, so make a new resolver for each
// transaction: then settings and mailboxes are always current.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/address_list.h"
#include "milter/configuration.h"
#include "postoffice/address.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

struct Resolution {
  enum class Kind {
    mailbox,          ///< `address` is it
    group,            ///< `address` names a group of that postoffice
    no_address,       ///< not an address at all: permanent 5.1.3
    unknown_mailbox,  ///< permanent 5.1.1
    unknown_domain,   ///< the address map does not have it: temporary 4.3.5, a configuration fault
    unavailable,      ///< the postoffice cannot be read: temporary
  };
  Kind kind = Kind::unavailable;
  postoffice::NativeAddress address;  ///< folded, of `mailbox` and `group`; the postoffice of all
                                      ///< kinds that know it
  std::string how;                    ///< "mailbox", "alias", "group", ...
  Outcome outcome;  ///< delivered for `mailbox` and `group`; else status, sentence
  /// For what peers encapsulate (docs/encapsulation.md): `mailbox`, the postmaster's, who gets what
  /// cannot be unwrapped.
  bool is_encapsulated = false;

  bool is_known() const { return kind == Kind::mailbox || kind == Kind::group; }
  /// NET/PO, empty if unknown.
  std::string postoffice_name() const {
    return address.postoffice.network.empty() ? std::string() : address.postoffice.str();
  }
};

class RecipientResolver {
 public:
  /// Both outlive the resolver.
  explicit RecipientResolver(const Configuration& configuration,
                             postoffice::FileSystem& files = postoffice::FileSystem::posix());

  /// A path as RCPT gives it, or an address without brackets.
  Resolution resolve_path(std::string_view path);
  /// Of a mailbox or a group: whether all it comes to are mailboxes of its own postoffice (no
  /// member or forward beyond, none that is nobody). Never of encapsulated mail, since only its
  /// content says who it is for. An error says why it cannot be claimed: trouble that may pass, a
  /// mailbox that takes no mail from the Internet, where it comes from there, or one that is known
  /// to be full.
  Expected<bool> stays_here(const Resolution& resolution, bool is_from_internet = true);
  /// Of a mailbox: nothing, or why mail from the Internet does not get in (permanent 5.7.1;
  /// temporary where that cannot be told). Of anything else nothing: members of a group are looked
  /// at when it is delivered.
  std::optional<Outcome> why_not_from_internet(const Resolution& resolution);
  /// What `address`, of a postoffice served here, is called at `domain`, which several share: its
  /// name, if mail for that comes to it, else an alias of it that is a whole address there; nullopt
  /// where there is neither, or in doubt: an answer must not go to another's mailbox of the name.
  /// Of a postoffice that is served elsewhere its name.
  std::optional<std::string> name_at(const postoffice::NativeAddress& address,
                                     const std::string& domain);
  /// Local part unquoted.
  Resolution resolve(const converter::InternetAddress& address);

 private:
  struct Found {
    const converter::ServedPostoffice* served = nullptr;
    Expected<postoffice::Resolved> resolved;
  };
  /// Which of the postoffices that have the domain has the name; `served` is null if none of them
  /// is served here.
  Found search(const std::string& local_part, const std::string& domain);
  Found search_shared(const std::vector<const converter::ServedPostoffice*>& sharing,
                      const std::string& local_part, const std::string& domain);
  const Expected<postoffice::Postoffice>& open(const converter::ServedPostoffice& served);

  const Configuration& configuration_;
  postoffice::FileSystem& files_;
  std::map<std::string, Expected<postoffice::Postoffice>> opened_;  ///< by directory
};

/// An address in Postfix's internal form (macros, table keys): not quoted, split at the last '@'.
converter::InternetAddress parse_internal_address(std::string_view text);

}  // namespace smtpgate::milter
