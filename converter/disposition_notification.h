// The answer to a request for a receipt on its way out: a file with DISPOSITION, and the
// message/disposition-notification that its message carries (RFC 8098, 3; docs/receipts.md).
//
// Not for who may answer (postoffice/receipts.h), nor for the multipart around it (outbound.cpp).
#pragma once

#include <string>
#include <string_view>

#include "postoffice/mmff.h"

namespace smtpgate::converter {

/// Whether the message goes out as a disposition notification: it has a DISPOSITION of RFC 8098's
/// form, and nothing attached, for which such a report has no place (RFC 6522, 3).
bool is_disposition_answer(const postoffice::MessageHeader& header);

/// The body of the part, lines ended by CR LF, ASCII: Reporting-UA to Disposition. `from`: the
/// Internet address of FROM; `hostname`: of the gateway. Only for what is_disposition_answer().
std::string render_disposition_notification(const postoffice::MessageHeader& header,
                                            std::string_view from, std::string_view hostname);

}  // namespace smtpgate::converter
