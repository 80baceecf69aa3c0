// Shadow mode (docs/changing.md): the gateway runs beside a system that delivers the mail, converts
// and files it in second postoffices, and takes nothing from Postfix. Here is what keeps the two
// kinds of folder apart, and what makes a shadow.
//
// Three things, each enough by itself, keep a real postoffice from being written to: in shadow mode
// the configuration in force does not know where it is (configuration.h); a shadow that is a real
// one, also by a link or a mount, is refused; and a folder is a shadow only if it says so itself,
// by the file GLB/SHADOW, without which shadow mode files nothing there. The other way round, a
// folder with that file is served in shadow mode only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "milter/configuration.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

inline constexpr std::string_view shadow_mark = "/GLB/SHADOW";

/// Nothing, or why mail must not be filed there (temporary 4.3.5): the folder is a shadow and the
/// configuration is none, or the other way round. One look at the disk.
std::optional<Outcome> why_wrong_kind(
    const Configuration& configuration, const converter::ServedPostoffice& served,
    postoffice::FileSystem& files = postoffice::FileSystem::posix());

/// Shadows that are one folder with a real postoffice, or lie in one, or hold one, whatever links
/// and mounts say: a sentence each. Nothing without shadow mode.
std::vector<std::string> shadows_that_are_real(const Configuration& configuration);

/// Makes the shadow of each postoffice where it is missing, with the real one's settings, and in it
/// what is missing of the real one's mailboxes, their settings, aliases and groups. Reads the real
/// ones, writes to shadows alone. What was done, and what could not be, a sentence each.
struct Prepared {
  std::vector<std::string> done;
  std::vector<std::string> failed;
};
Prepared prepare_shadows(const Configuration& configuration);

}  // namespace smtpgate::milter
