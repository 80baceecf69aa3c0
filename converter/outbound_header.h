// The header of a message on its way out: which field of an MMFF file becomes which field of RFC
// 5322. The rules in plain words: docs/conversion-out.md. Not for the fields that say how the body
// is packed (outbound_parts.h) or for the grammar of fields (header_writer.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converter/outbound.h"
#include "converter/outbound_address.h"
#include "postoffice/mmff.h"

namespace smtpgate::converter {

/// What Auto-Submitted (RFC 3834) is to say: the caller's word, else the file's AUTO-SUBMITTED;
/// empty: a person wrote it.
std::string auto_submitted(const postoffice::MessageHeader& header, const OutboundRequest& request);

/// Whether the sender wants to hear of the message: priority R, or RECEIPT-TO. Never for mail that
/// programs made.
bool wants_receipt(const postoffice::MessageHeader& header, const OutboundRequest& request);

/// Date to X-Mailer, each field ended by CR LF; no empty line. `from` is FROM's Internet address;
/// empty if it has none. Adds characters replaced to *replaced.
std::string compose_header(const postoffice::MessageHeader& header, const OutboundRequest& request,
                           const OutboundSettings& settings, const AddressStyle& style,
                           const std::string& from, std::uint64_t* replaced);

}  // namespace smtpgate::converter
