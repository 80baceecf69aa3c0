// Settings of one mailbox, GLB/MAILBOX/<folded name>.toml: who it is, what it may, what is done
// with its mail (docs/groups.md). Beside the mailbag, not in it, so that its users cannot change
// them behind the administrator's back.
//
// Not for what a forward comes to in the end (groups.h), nor for aliases (postoffice.h).
//
// Looked up on disk each time. Functions are safe from several threads; writers hold the lock of
// mailbox_changes.h, or one of two changes at once is lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/hook_settings.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// How much a mailbox may hold in new/ and cur/; 0: no limit (docs/postoffice-format.md, "Quotas").
struct Quota {
  std::uint64_t octets = 0;
  std::uint64_t messages = 0;

  bool is_set() const { return octets != 0 || messages != 0; }
  friend bool operator==(const Quota&, const Quota&) = default;
};

/// After how many days from its arrival a message goes (expiry.h); 0: never.
struct Expiry {
  static constexpr std::uint64_t most_days = 36'500;

  std::uint64_t read_days = 0;    ///< in cur/
  std::uint64_t unread_days = 0;  ///< in new/
  std::uint64_t sent_days = 0;    ///< copies in sent/

  bool is_set() const { return read_days != 0 || unread_days != 0 || sent_days != 0; }
  friend bool operator==(const Expiry&, const Expiry&) = default;
};

/// A file that is absent has these defaults.
struct MailboxSettings {
  std::string full_name;              ///< whose it is, UTF-8; for people
  std::vector<TypedAddress> forward;  ///< targets, native or Internet; empty: none
  bool keep_copy = true;              ///< with `forward`: file it here too
  bool keep_sent = false;             ///< sent mail is kept in sent/
  bool keep_original = false;         ///< the message as it came is kept in original/
  /// How requests for a receipt are answered: "never", or "on-read" (RFC 8098).
  std::string receipts = "never";
  bool receive_from_internet = true;  ///< false: only mail from this postoffice and from peers
  bool send_to_internet = true;       ///< false: only to NET/PO/MAILBOX
  Quota quota;
  Expiry expiry;
  std::string delivery = "mailbag";  ///< "mailbag", or "folder": a directory for each message
  std::vector<std::string> hook;     ///< with "folder": the command for each message, word by word
  HookSettings hook_settings;        ///< with `hook`
};

/// Temporary 4.3.5 (file and line) if the file is wrong.
Expected<MailboxSettings> read_mailbox_settings(const Postoffice& postoffice,
                                                std::string_view mailbox);
/// Durably; the mailbox must exist (permanent 5.1.1).
Outcome write_mailbox_settings(const Postoffice& postoffice, std::string_view mailbox,
                               const MailboxSettings& settings);
/// The same for a mailbox that need not exist yet.
Outcome write_settings_file(const Postoffice& postoffice, const std::string& folded,
                            const MailboxSettings& settings);
/// Absent already is delivered.
Outcome remove_settings_file(const Postoffice& postoffice, const std::string& folded);

/// The file's text, and back. Errors: FILE:LINE as in settings_file.h.
std::string render_mailbox_settings(const MailboxSettings& settings);
Expected<MailboxSettings> parse_mailbox_settings(const Postoffice& postoffice,
                                                 std::string_view text, const std::string& path);
/// Nothing if they may be written.
std::optional<Outcome> why_bad_settings(const Postoffice& postoffice,
                                        const MailboxSettings& settings);

/// A forward's target as a person writes it: a name of this postoffice, NET/PO/MAILBOX,
/// user@host or SMTP:user@host. permanent 5.1.3 if it is none.
Expected<TypedAddress> parse_forward(const Postoffice& postoffice, std::string_view text);

}  // namespace smtpgate::postoffice
