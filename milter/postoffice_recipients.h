// What the recipients of one message come to in one postoffice: its mailboxes, each once, and those
// elsewhere whom groups and forwards name (docs/groups.md).
//
// Not for delivering: inbound_delivery.h. Not for who a recipient's name is: recipient_resolver.h.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "converter/envelope.h"
#include "milter/configuration.h"
#include "milter/inbound_delivery.h"
#include "milter/recipient_tallies.h"
#include "postoffice/groups.h"
#include "postoffice/postoffice.h"
#include "postoffice/put.h"

namespace smtpgate::milter {

/// All lists are in the order of first mention.
struct PostofficeRecipients {
  struct Mailbox {
    postoffice::FilingTarget target;
    bool keeps_original = false;
    Places places;
  };
  struct Passing {
    std::vector<postoffice::BeyondRecipient> recipients;  ///< of one `via`
    Places places;
  };
  struct Failure {
    postoffice::FailedMember member;
    std::string name;  ///< of the group or mailbox in the envelope
    std::string owner;
    Places places;
  };

  const converter::ServedPostoffice* postoffice = nullptr;
  bool is_encapsulated = false;  ///< apart from the others: their message is another
  Places places;
  std::vector<Mailbox> mailboxes;
  std::vector<Passing> passings;
  std::vector<Failure> failures;
  /// Who hears of members that do not get it, by the name in the envelope.
  std::map<std::string, std::string> owners;
};

/// The envelope's recipients by postoffice, looked at no further. Those of a postoffice that is not
/// served have their outcome.
std::vector<PostofficeRecipients> recipients_by_postoffice(const Configuration& configuration,
                                                           const converter::Envelope& envelope,
                                                           RecipientTallies& tallies);

/// Follows the groups and forwards of `recipients`. Who cannot be followed, or was served before,
/// has an outcome; all others are expected to get theirs.
void distribute(PostofficeRecipients& recipients, const postoffice::Postoffice& office,
                const converter::Envelope& envelope, std::string_view content_key, Reach reach,
                RecipientTallies& tallies);

}  // namespace smtpgate::milter
