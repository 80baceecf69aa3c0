// What differs between two configurations, key by key, and whether a running daemon may take the
// second one (docs/changing.md, "Reload").
//
// Not for reading them: configuration.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "milter/configuration.h"

namespace smtpgate::milter {

struct ConfigurationChange {
  std::string key;
  std::string before;  ///< empty: it was not there
  std::string after;   ///< empty: it is not there any more
};

/// "KEY: BEFORE -> AFTER", for the log; "none" for what is not there.
std::string describe(const ConfigurationChange& change);

/// In the order of the keys. The value of a key that holds a secret itself is never in it.
std::vector<ConfigurationChange> changes_between(const postoffice::SettingValues& before,
                                                 const postoffice::SettingValues& after);

/// Whether the key is read once, when the process starts.
bool needs_restart(std::string_view key);

/// Why a daemon that runs with `now` must not go on with `fresh`, each "FILE:LINE: what; what to
/// do": a postoffice or a secret that is new there cannot be opened, shadow mode is not what it
/// was. Empty: it may. What was so before is not looked at, so that a disk that is away hinders no
/// change of something else.
std::vector<std::string> why_not_to_take(const Configuration& now, const Configuration& fresh);

}  // namespace smtpgate::milter
