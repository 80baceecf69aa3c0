// Addresses on their way out: see the header. published_address() is outbound.h's.
#include "converter/outbound_address.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "converter/address_list.h"
#include "converter/outbound.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

using postoffice::NativeAddress;
using postoffice::TypedAddress;

namespace {

// What our own way in writes for a message without a To (docs/conversion.md).
constexpr std::string_view no_recipients = "undisclosed-recipients:;";

/// In the form that is put on the wire; nullopt if no SMTP server could take it. Capitals of the
/// domain stay: they are nobody's business on the way.
std::optional<std::string> wire_form(InternetAddress address) {
  std::string canonical = canonical_domain(address.domain);
  // IDNA refused it, or there is none.
  if (canonical.empty() || !is_ascii(canonical)) return std::nullopt;
  if (!equals_ignoring_case(canonical, address.domain)) address.domain = std::move(canonical);
  std::string text = address.str();
  return text.size() <= longest_address ? std::optional(std::move(text)) : std::nullopt;
}

Outcome no_address(const TypedAddress& address, std::string_view why, std::string status) {
  return Outcome::permanent(address.str() + " " + std::string(why), std::move(status));
}

}  // namespace

namespace {

/// At `entry`, which is one of the map's, or its end.
Expected<std::string> address_at(const NativeAddress& address, const AddressMap& map,
                                 std::vector<AddressMap::Entry>::const_iterator entry,
                                 const std::string& name) {
  if (entry == map.entries().end()) {
    return failure(Outcome::permanent(
        "the postoffice of " + address.str() +
            " has no domain; give it one in the address map, without a leading dot",
        "5.1.3"));
  }
  auto text = wire_form({postoffice::compose(name), entry->domain});
  if (!text) {
    return failure(Outcome::permanent(address.str() + " is too long for an Internet address; "
                                                      "use a shorter mailbox name or domain",
                                      "5.1.3"));
  }
  return std::move(*text);
}

/// A leading dot takes subdomains in and is no domain to write out.
bool is_domain_of(const AddressMap::Entry& entry, const NativeAddress& address) {
  return entry.postoffice == address.postoffice && !entry.domain.starts_with('.');
}

}  // namespace

Expected<std::string> published_address(const NativeAddress& address, const AddressMap& map) {
  const auto& entries = map.entries();
  for (auto one = entries.begin(); one != entries.end(); ++one) {
    if (!is_domain_of(*one, address)) continue;
    if (const auto name = map.name_at(address, one->domain)) {
      return address_at(address, map, one, *name);
    }
  }
  return address_at(address, map, entries.end(), address.mailbox);
}

Expected<std::string> delivery_address(const NativeAddress& address, const AddressMap& map) {
  const auto& entries = map.entries();
  const auto own = std::find_if(entries.begin(), entries.end(), [&](const auto& one) {
    return is_domain_of(one, address) && !map.is_shared(one.domain);
  });
  return own == entries.end() ? published_address(address, map)
                              : address_at(address, map, own, address.mailbox);
}

Expected<std::string> routable_address(const TypedAddress& address, const AddressMap& map,
                                       bool is_recipient) {
  if (address.type == "CSI") {
    const auto native = NativeAddress::parse(address.address);
    if (!native) {
      return failure(no_address(address, "is no NET/PO/MAILBOX; correct it", "5.1.3"));
    }
    return is_recipient ? delivery_address(*native, map) : published_address(*native, map);
  }
  if (address.type != "SMTP") {
    return failure(no_address(
        address, "is of a type that this gateway does not know; write SMTP:user@host", "5.1.3"));
  }
  const auto parsed = parse_path(address.address);
  if (!parsed || parsed->empty()) {
    return failure(no_address(address, "is no Internet address; write SMTP:user@host", "5.1.3"));
  }
  auto text = wire_form(*parsed);
  if (!text) {
    return failure(no_address(
        address, "has no domain that mail could be sent to; write SMTP:user@host", "5.1.2"));
  }
  return std::move(*text);
}

std::string header_text(std::string_view text, const AddressStyle& style, std::uint64_t* replaced) {
  std::string utf8 = postoffice::to_utf8(text, style.character_set, replaced);
  return style.ascii_names ? postoffice::from_utf8(utf8, "US-ASCII", replaced) : utf8;
}

WrittenAddress written_address(const TypedAddress& address, const AddressStyle& style) {
  WrittenAddress result;
  result.name = header_text(address.name, style);
  TypedAddress utf8 = address;
  utf8.address = postoffice::to_utf8(address.address, style.character_set);
  if (auto routable = routable_address(utf8, *style.map);
      routable && (style.allows_utf8 || is_ascii(*routable))) {
    result.address = std::move(*routable);
    // A header that may have UTF-8 shows the domain as it was written (RFC 6532, 3.2).
    if (style.allows_utf8 && utf8.type == "SMTP" && !is_ascii(utf8.address)) {
      result.address = parse_path(utf8.address)->str();
    }
    return result;
  }
  if (utf8.type == "SMTP" && equals_ignoring_case(utf8.address, no_recipients)) {
    result.name = no_recipients.substr(0, no_recipients.size() - 2);
    return result;
  }
  if (utf8.type == "SMTP") {
    if (utf8.address.empty()) return result;
    // As RFC 6857 has it, and as our own way in reads it again.
    const std::string told = "<" + header_text(address.address, style) + ">";
    result.name = result.name.empty() ? told : result.name + " " + told;
    return result;
  }
  const std::string shown =
      header_text(address.type == "CSI" ? address.address : address.str(), style);
  result.name = result.name.empty() ? shown : result.name + " (" + shown + ")";
  return result;
}

std::vector<WrittenAddress> written_list(std::string_view value, const AddressStyle& style) {
  const std::string utf8 = postoffice::to_utf8(value, style.character_set);
  std::vector<WrittenAddress> result;
  AddressStyle inner = style;
  inner.character_set = "UTF-8";
  for (const HeaderAddress& one : parse_address_list(utf8).addresses) {
    WrittenAddress written =
        written_address(TypedAddress::internet(one.address.str(), one.name), inner);
    if (!written.address.empty()) result.push_back(std::move(written));
  }
  if (!result.empty()) return result;
  WrittenAddress written = written_address(TypedAddress::parse(trim(utf8)), inner);
  if (!written.address.empty()) result.push_back(std::move(written));
  return result;
}

}  // namespace smtpgate::converter
