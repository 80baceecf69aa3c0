// What `postoffice read` shows above a report about one's own mail: of which kind it is, what
// became of whom, and which message in the reader's sent/ it is about (docs/receipts.md). A report
// proves nothing; only what lies in that sent/ is named.
//
// Not for recognising a report (converter/report_reader.h), nor for answering (receipts.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postoffice/mmff.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Labels and values ("Recipient", "failed 5.1.1 bob@example.com"), UTF-8, not yet printable. Empty
/// for a message that is no report. `set`: the character set of `header`. What cannot be looked up
/// in sent/ is named by its Message-ID alone.
std::vector<std::pair<std::string, std::string>> report_lines(const Postoffice& postoffice,
                                                              std::string_view mailbox,
                                                              const MessageHeader& header,
                                                              const std::string& set);

/// "<digits@...>" for a message that is named `id` in a mailbag here and has no Message-ID, so that
/// an answer leads to sent/ of its sender; empty if `id` is no such name.
std::string local_message_id(std::string_view id);

}  // namespace smtpgate::postoffice
