// The chain files of messages, kept under <work>/chain for a person to look at: SMTP_IN.ENV,
// SMTP_IN.822, API_OUT.TMP, TO_NC.API, one directory for each message and postoffice. Kept for
// reading only: nothing is ever delivered from here, and nothing here need survive a crash.
//
// A directory appears under its name when it is complete. The name comes from the content, so a
// message that fails on every retry is kept once.
#pragma once

#include "converter/inbound.h"
#include "converter/settings.h"
#include "milter/configuration.h"

namespace smtpgate::milter {

/// `converted` is nullptr if the conversion failed: then only the first two files are kept. The
/// outcome is for the log; the message's own outcome does not depend on it.
Outcome keep_chain_files(const Configuration& configuration,
                         const converter::ServedPostoffice& postoffice,
                         const converter::Envelope& envelope, converter::RawMessage& raw,
                         converter::ConvertedMessage* converted, postoffice::LineEnd line_end,
                         postoffice::FileSystem& files);

/// Removes directories that a process which died left incomplete. Returns how many.
std::uint64_t clear_incomplete_chains(const Configuration& configuration,
                                      postoffice::FileSystem& files);

}  // namespace smtpgate::milter
