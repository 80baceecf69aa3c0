// Reading a postoffice's GLB/ALIAS, and changing several of its lines at once. Internal to this
// room; for one line there are Postoffice::add_alias() and remove_alias().
#pragma once

#include <functional>

#include "postoffice/alias_file.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// The file as it is now; a missing one is empty. One with an error is temporary 4.3.5, with file
/// and line.
Expected<AliasFile> read_aliases(const Postoffice& postoffice);

/// Reads the file, asks `decide` what to do, and replaces it, all under a lock. An edit without
/// anything in it writes nothing. Delivered: done, durably.
Outcome edit_aliases(const Postoffice& postoffice,
                     const std::function<Expected<AliasEdit>(const AliasFile&)>& decide);

}  // namespace smtpgate::postoffice
