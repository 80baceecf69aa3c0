// Reading a postoffice's GLB/ALIAS. Internal to this room; editing is Postoffice::add_alias().
#pragma once

#include "postoffice/alias_file.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// The file as it is now; a missing one is empty. One with an error is temporary 4.3.5, with file
/// and line.
Expected<AliasFile> read_aliases(const Postoffice& postoffice);

}  // namespace smtpgate::postoffice
