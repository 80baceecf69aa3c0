// Addresses on their way out: what an MMFF address is called on the Internet, in the envelope and
// in the header. Not for parsing Internet addresses (address_list.h) or for writing fields
// (header_writer.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/address_map.h"
#include "converter/header_writer.h"
#include "postoffice/address.h"
#include "postoffice/outcome.h"

namespace smtpgate::converter {

/// user@host for the envelope: the local part quoted where needed, the domain in A-labels. SMTP
/// addresses, and native ones by the map. permanent 5.1.x for what has no Internet address.
/// `is_recipient`: mail is sent there, so a domain that no other postoffice shares is taken.
Expected<std::string> routable_address(const postoffice::TypedAddress& address,
                                       const AddressMap& map, bool is_recipient = false);

/// How header addresses are to be read and written.
struct AddressStyle {
  const AddressMap* map = nullptr;
  std::string character_set;  ///< of the strings that come in
  /// Addresses beyond ASCII may stand as they are (RFC 6532). Otherwise such a one is named in a
  /// group without members, as RFC 6857 does, so that it keeps nobody's mail from passing.
  bool allows_utf8 = false;
  bool ascii_names = false;  ///< names for peers without MIME: the nearest ASCII
};

/// `text` of the file as UTF-8, or as the nearest ASCII where the style asks for it; adds the
/// number of characters replaced to *replaced.
std::string header_text(std::string_view text, const AddressStyle& style,
                        std::uint64_t* replaced = nullptr);

/// A TO, CC or FROM with its name. What has no Internet address becomes a name alone, which holds
/// the address: "Anna (NET/PO/ANNA)", and of Internet mail "Anna <anna>".
WrittenAddress written_address(const postoffice::TypedAddress& address, const AddressStyle& style);

/// The value of an EXT field that is an address list ("Anna <a@b>, c@d") or one MMFF address
/// ("CSI:NET/PO/BOX", "NET/PO/BOX"); only what has an Internet address.
std::vector<WrittenAddress> written_list(std::string_view value, const AddressStyle& style);

}  // namespace smtpgate::converter
