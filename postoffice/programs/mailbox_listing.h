// What `postoffice mailbox list` and `mailbox show` print, for people and for programs.
#pragma once

#include <string>

#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

struct MailboxListing {
  bool as_json = false;
  bool is_long = false;  ///< list: with names, quotas, rights and aliases
};

/// Both return an exit code.
int list_mailboxes(const Postoffice& postoffice, const MailboxListing& options);
int show_mailbox(const Postoffice& postoffice, const std::string& name,
                 const MailboxListing& options);

}  // namespace smtpgate::postoffice
