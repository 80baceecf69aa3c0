// Groups (GRP/<group>), and what a local name comes to when groups and the forwards of mailboxes
// (mailbox_settings.h) are followed: mailboxes here, addresses beyond, and what failed
// (docs/groups.md).
//
// Not for the order in which a name is looked up (postoffice.h), nor for sending (outgoing.h).
//
// Complete or told: a member that is nobody is in `failures`, never silently lost (Q117804,
// Q105525). Cycles are cut, depth and counts bounded. Looked up on disk each time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct Group {
  std::string name;                  ///< folded
  std::string owner;                 ///< a mailbox here, folded; "postmaster" if none is named
  std::vector<std::string> members;  ///< as written
};

/// permanent 5.1.1 if there is none; temporary 4.3.5 (file and line) if its file is wrong.
Expected<Group> read_group(const Postoffice& postoffice, std::string_view name);
Expected<std::vector<std::string>> list_groups(const Postoffice& postoffice);
/// Replaces or makes it, durably, under a lock; comments in its file stay. Members are checked for
/// form, not for existence. A new group's name must not be a mailbox's or an alias's.
Outcome write_group(const Postoffice& postoffice, const Group& group);
/// Reads it, lets `change` alter it and writes it, all under one lock. If `change` does not say
/// delivered, that is the outcome and nothing is written.
Outcome change_group(const Postoffice& postoffice, std::string_view name,
                     const std::function<Outcome(Group&)>& change);
Outcome remove_group(const Postoffice& postoffice, std::string_view name);

struct FailedMember {
  std::string member;  ///< as written in the group or forward
  std::string where;   ///< "group sales", "forward of anna"
  Outcome outcome;     ///< permanent or temporary
};

/// Equal for two spellings of one address: names folded, domains in lower case.
std::string address_key(const TypedAddress& address);

/// An address beyond, and in whose name it is sent there.
struct BeyondRecipient {
  TypedAddress address;
  std::string via;    ///< local name (group or mailbox) that named it; the loop mark's local part
  std::string owner;  ///< mailbox whose address is the envelope sender of what is passed on
};

struct Distribution {
  std::vector<std::string> mailboxes;   ///< folded, each once
  std::vector<BeyondRecipient> beyond;  ///< each address once
  std::vector<FailedMember> failures;
  std::string owner;  ///< mailbox of whoever must mend what failed; folded
  /// Of those `mailboxes` that have one, and whose settings were read (not by hand).
  std::map<std::string, Quota> quotas{};
  Quota quota_of(const std::string& mailbox) const {
    const auto found = quotas.find(mailbox);
    return found == quotas.end() ? Quota{} : found->second;
  }
  /// Of those `mailboxes`, which keep the message as it came too.
  std::set<std::string> keeping_original{};
  bool is_plain() const { return beyond.empty() && failures.empty(); }
};

struct DistributionOptions {
  bool follows_forwards = true;  ///< false: mailboxes keep their mail (filing by hand)
  /// The message came from the Internet: a mailbox that takes none from there is a failure, 5.7.1.
  bool is_from_internet = false;
};

/// What `resolved` (Postoffice::resolve(): a mailbox, or a group) comes to. An error is permanent
/// where the mailbox itself takes no mail from the Internet (5.7.1), else temporary: its group or
/// settings cannot be read, or it comes to more than 100,000 members (4.3.5). Trouble with a member
/// is a failure of that member, temporary or permanent, and the others are there. Nothing, or the
/// refusal (5.7.1) for mail from the Internet.
std::optional<Outcome> why_not_from_internet(const std::string& mailbox,
                                             const MailboxSettings& settings);
Expected<Distribution> distribute(const Postoffice& postoffice, const Resolved& resolved,
                                  const DistributionOptions& options = {});

}  // namespace smtpgate::postoffice
