// SMTP_IN.ENV as smtpput reads it: who is to get the message that lies beside it. The file is
// described in docs/chain.md; the converter writes it (converter/envelope.h). Only recipients are
// taken here: the rest of an SMTP envelope is no business of a postoffice.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "postoffice/address.h"

namespace smtpgate::postoffice {

struct EnvelopeLine {
  int line = 0;
  std::string path;                      ///< without brackets and source route, as written
  std::optional<NativeAddress> mailbox;  ///< of XMAILBOX, or the path itself if it is NET/PO/BOX
  std::string local_part;                ///< unquoted, of an Internet address; else empty
  std::string domain;                    ///< lower case; else empty
};

/// The RCPT TO lines, in order. An error is one line "FILE:LINE: what; what to do": a file that
/// cannot be understood names no recipients at all. Lines end in CR LF, LF or CR.
tl::expected<std::vector<EnvelopeLine>, std::string> parse_envelope_file(std::string_view text,
                                                                         const std::string& path);

}  // namespace smtpgate::postoffice
