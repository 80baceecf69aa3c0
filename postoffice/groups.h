// Groups (GRP/<group>), forwards of mailboxes (GLB/MAILBOX/<mailbox>.toml), and what a local name
// comes to when both are followed: mailboxes here, addresses beyond, and what failed (docs/groups.md).
//
// Not for the order in which a name is looked up (postoffice.h), nor for sending (outgoing.h).
//
// Complete or told: a member that is nobody is in `failures`, never silently lost (Q117804,
// Q105525). Cycles are cut, depth and counts bounded. Looked up on disk each time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct Group {
  std::string name;                  ///< folded
  std::string owner;                 ///< a mailbox here, folded; "postmaster" if none is named
  std::vector<std::string> members;  ///< as written
};

/// Settings of one mailbox, GLB/MAILBOX/<folded name>.toml; absent: the defaults.
struct MailboxSettings {
  std::vector<TypedAddress> forward;  ///< targets; empty: none
  bool keep_copy = true;              ///< with `forward`: file it here too
  bool keep_sent = false;             ///< sent mail is kept in sent/
  /// How requests for a receipt are answered: "never", or "on-read" (RFC 8098).
  std::string receipts = "never";
};

/// permanent 5.1.1 if there is none; temporary 4.3.5 (file and line) if its file is wrong.
Expected<Group> read_group(const Postoffice& postoffice, std::string_view name);
Expected<std::vector<std::string>> list_groups(const Postoffice& postoffice);
/// Replaces or makes it, durably. Members are checked for form, not for existence.
Outcome write_group(const Postoffice& postoffice, const Group& group);
Outcome remove_group(const Postoffice& postoffice, std::string_view name);

Expected<MailboxSettings> read_mailbox_settings(const Postoffice& postoffice,
                                                std::string_view mailbox);
Outcome write_mailbox_settings(const Postoffice& postoffice, std::string_view mailbox,
                               const MailboxSettings& settings);

struct FailedMember {
  std::string member;  ///< as written in the group or forward
  std::string where;   ///< "group sales", "forward of anna"
  Outcome outcome;     ///< permanent or temporary
};

/// An address beyond, and in whose name it is sent there.
struct BeyondRecipient {
  TypedAddress address;
  std::string via;    ///< local name (group or mailbox) that named it; the loop mark's local part
  std::string owner;  ///< mailbox whose address is the envelope sender of what is passed on
};

struct Distribution {
  std::vector<std::string> mailboxes;  ///< folded, each once
  std::vector<BeyondRecipient> beyond;  ///< each address once
  std::vector<FailedMember> failures;
  bool is_plain() const { return beyond.empty() && failures.empty(); }
};

/// What `resolved` (Postoffice::resolve(): a mailbox, or a group) comes to.
Expected<Distribution> distribute(const Postoffice& postoffice, const Resolved& resolved);

}  // namespace smtpgate::postoffice
