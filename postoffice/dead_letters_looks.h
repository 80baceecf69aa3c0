// What the files that look for dead letters share. Internal to this room; the public face is
// dead_letters.h.
#pragma once

#include "postoffice/dead_letters.h"

namespace smtpgate::postoffice {

/// From, to, subject as the message's own file has them, where that can be read; what is set
/// already stays.
void describe_letter(const Postoffice& postoffice, DeadLetter& letter);

/// Outboxes, folder mailboxes, files that are no messages, mailboxes that were being removed.
void look_at_mailbags(const Postoffice& postoffice, const LetterLook& look, LettersFound& found);

}  // namespace smtpgate::postoffice
