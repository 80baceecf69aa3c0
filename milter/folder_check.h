// What `smtpgate check` looks at in folders: the work directory and the postoffices (readable,
// writable, what their file systems can do, space), the file of records, and what the clocks say.
// What is looked for, word by word: docs/checks.md.
//
// Writes nothing but probe files, which it removes. To be called as the gateway's user, by
// gateway_check.h. One thread.
#pragma once

#include "milter/configuration.h"
#include "milter/finding.h"

namespace smtpgate::milter {

void check_work(const Configuration& configuration, Findings& findings);
void check_postoffices(const Configuration& configuration, Findings& findings);

/// The records file, without making it: that is the daemon's.
void check_records(const Configuration& configuration, Findings& findings);

/// A clock that was set back, or never set: nothing of a postoffice can be of tomorrow, and nothing
/// is older than this program.
void check_clock(const Configuration& configuration, Findings& findings);

/// Names that two postoffices have at a domain that they share, where no alias says whose it is:
/// the first one has all the mail, also the answers to what the other wrote.
void check_shared_domains(const converter::ConverterSettings& settings, Findings& findings);

}  // namespace smtpgate::milter
