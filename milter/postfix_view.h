// What each check of Postfix's settings looks at, passed as one. Refers to what the caller holds.
#pragma once

#include <string_view>

#include "milter/configuration.h"
#include "milter/finding.h"
#include "milter/postfix_places.h"
#include "milter/postfix_settings.h"

namespace smtpgate::milter {

struct PostfixView {
  const Configuration& configuration;
  const PostfixProgram& program;
  const PostfixSettings& settings;
  const PostfixPlaces& places;
};

/// Transports, door 2 and the look-up in master.cf, their users, limits and time-outs.
void check_services(const PostfixView& view, Findings& findings);

/// Whether mail for each of our domains is taken, comes to our transport, and goes to door 2; and
/// whether its recipients are looked up.
void check_routing(const PostfixView& view, Findings& findings);

/// Whether anything of Postfix leads to the doors of a gateway in shadow mode, where they put all
/// of it off.
void check_shadow_routing(const PostfixView& view, Findings& findings);

/// Whether `service` is spawn(8) with `smtpgate VERB`.
bool spawns(const PostfixService& service, std::string_view verb);

}  // namespace smtpgate::milter
