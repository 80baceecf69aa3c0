// How the command of a folder mailbox is run: the keys hook_... of GLB/MAILBOX/<mailbox>.toml
// (docs/folder-mailboxes.md). Not for the command itself, or for running it (hook_runner.h).
#pragma once

#include <optional>
#include <string>

#include "postoffice/settings_file.h"

namespace smtpgate::postoffice {

struct HookSettings {
  int seconds = 300;     ///< hook_seconds: a run that takes longer is ended
  int at_once = 1;       ///< hook_at_once: runs for different messages, of this mailbox and host
  int attempts = 5;      ///< hook_attempts: failures after which a message is set aside
  bool removes = false;  ///< hook_done = "remove": what is done is deleted, not kept in cur/
  std::string user;      ///< hook_user: whom root runs it as; empty: as the mailbox's group says

  bool operator==(const HookSettings&) const = default;
};

/// Wrong values become errors of the file.
HookSettings read_hook_settings(SettingsTable& root);
/// A sentence; nothing if they may be written.
std::optional<std::string> why_bad_hook_settings(const HookSettings& settings);
/// The lines of those that are not the defaults.
std::string render_hook_settings(const HookSettings& settings);

}  // namespace smtpgate::postoffice
