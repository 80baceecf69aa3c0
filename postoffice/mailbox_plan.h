// GLB/CHANGES.json: what is being done to mailboxes, written down before it is begun
// (mailbox_changes.h). Internal to this room.
#pragma once

#include <string>
#include <vector>

#include "postoffice/mailbox_changes.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct MailboxPlan {
  std::string source;  ///< where the changes come from; empty: a command
  std::vector<MailboxChange> changes;
};

/// Without changes if there is none. Temporary 4.3.5 if the file is not what write_plan() writes.
Expected<MailboxPlan> read_plan(const Postoffice& postoffice);
/// Durably.
Outcome write_plan(const Postoffice& postoffice, const MailboxPlan& plan);
/// All was done.
Outcome remove_plan(const Postoffice& postoffice);

}  // namespace smtpgate::postoffice
