// Which of our addresses Postfix rewrites: what door 1 claims is deleted with everything that an
// alias or canonical map made of it, so an address must not be both a name in a postoffice and a
// key of such a table. Asks the tables themselves (postmap -q).
//
// Not seen: names with an extension, those that only a catch-all takes, and table entries made
// later.
#pragma once

#include "milter/postfix_view.h"

namespace smtpgate::milter {

/// Findings about virtual_alias_maps, canonical_maps and recipient_canonical_maps; none if they are
/// empty. Postoffices that cannot be read are left out: the gateway's own checks tell of them.
void check_rewrites(const PostfixView& view, Findings& findings);

}  // namespace smtpgate::milter
