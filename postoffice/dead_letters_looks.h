// What the files that look for dead letters share. Internal to this room; the public face is
// dead_letters.h.
#pragma once

#include <string>
#include <string_view>

#include "postoffice/dead_letters.h"
#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// From, to, subject as the message's own file has them, where that can be read; what is set
/// already stays.
void describe_letter(const Postoffice& postoffice, DeadLetter& letter);

/// The ID of the file `name` in an outbox, as it is now.
std::string outbox_letter_id(std::string_view mailbox, std::string_view name,
                             const FileStatus& status);
/// Digits of it that are of the name alone, whatever file has that name.
inline constexpr std::size_t letter_place_digits = 16;

/// Outboxes, folder mailboxes, files that are no messages, mailboxes that were being removed.
void look_at_mailbags(const Postoffice& postoffice, const LetterLook& look, LettersFound& found);

}  // namespace smtpgate::postoffice
