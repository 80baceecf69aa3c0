// Whole addresses of a domain that several postoffices share: which mailbox a postoffice has for
// exactly that address. Not for names without a domain: Postoffice::resolve().
#pragma once

#include <optional>
#include <string_view>

#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// The mailbox that the alias `local_part@domain` means, or that without its extension; nullopt if
/// there is none. `domain` as A-labels in lower case. An error is temporary, as for resolve().
Expected<std::optional<Resolved>> resolve_whole_address(const Postoffice& postoffice,
                                                        std::string_view local_part,
                                                        std::string_view domain);

}  // namespace smtpgate::postoffice
