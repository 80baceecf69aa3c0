// Internet mail for archives: see the header.
#include "converter/archived_message.h"

#include <optional>
#include <string_view>
#include <utility>

#include "converter/address_list.h"
#include "converter/header_writer.h"
#include "postoffice/address.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/mmff_text.h"

namespace smtpgate::converter {

using postoffice::MessageHeader;
using postoffice::NativeAddress;
using postoffice::TypedAddress;
namespace ext = postoffice::ext;

namespace {

/// Of a made message id; it leads nowhere either.
constexpr std::string_view nowhere = "archive.invalid";

/// A name of the postoffice as a label that no real domain can have.
std::string label_of(std::string_view name) {
  std::string label = canonical_domain(name);
  for (char& c : label) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!fits) c = '-';
  }
  return label;
}

/// RFC 5322, 3.6.8; and no longer than a line.
bool is_field_name(std::string_view name) {
  if (name.empty() || name.size() > 70) return false;
  for (const char c : name) {
    if (c <= ' ' || c > '~' || c == ':') return false;
  }
  return true;
}

/// The lines that stand on top. Values are a stranger's: the writer encodes them.
std::string top_of(const MessageHeader& header, const ArchivedMessage& message,
                   const std::string& sender) {
  const std::string set = postoffice::character_set_of(header, message.character_set);
  std::string out = "X-Smtpgate-ID: " + message.id + "\r\n";
  write_unstructured(out, "Return-Path", "<" + sender + ">");
  for (const postoffice::ExtendedField& field : header.fields) {
    if (!equals_ignoring_case(field.name, ext::trace)) continue;
    const std::size_t colon = field.value.find(':');
    if (colon == std::string::npos) continue;
    const std::string_view name = std::string_view(field.value).substr(0, colon);
    // Written above, of the envelope.
    if (!is_field_name(name) || equals_ignoring_case(name, "Return-Path")) continue;
    write_unstructured(out, name, postoffice::to_utf8(field.value.substr(colon + 1), set));
  }
  return out;
}

}  // namespace

AddressMap map_for_all_of(const MessageHeader& header, const std::string& character_set,
                          const AddressMap* known) {
  std::string text;
  if (known != nullptr) {
    for (const AddressMap::Entry& entry : known->entries()) {
      text += entry.postoffice.str() + "  " + entry.domain + "\n";
    }
  }
  const std::string set = postoffice::character_set_of(header, character_set);
  const auto add = [&](const TypedAddress& address) {
    const auto native = address.type == "CSI"
                            ? NativeAddress::parse(postoffice::to_utf8(address.address, set))
                            : std::nullopt;
    if (!native) return;
    const std::string name = native->postoffice.str();
    if (name.find(' ') != std::string::npos || text.find(name + " ") != std::string::npos) return;
    text += name + "  " + label_of(native->postoffice.postoffice) + "." +
            label_of(native->postoffice.network) + ".invalid\n";
  };
  add(header.from);
  for (const TypedAddress& one : header.to) add(one);
  for (const TypedAddress& one : header.cc) add(one);
  return AddressMap::parse(text, "made up").value_or(AddressMap());
}

Expected<std::string> write_archived_message(postoffice::Reader& reader,
                                             const MessageHeader& header,
                                             const ArchivedMessage& message, const AddressMap* map,
                                             const SpoolPlace& place,
                                             postoffice::ByteSink& content) {
  const std::string set = postoffice::character_set_of(header, message.character_set);
  const std::string sender =
      postoffice::to_utf8(header.field(ext::envelope_from).value_or(""), set);
  if (auto written = content.write(top_of(header, message, sender)); !written) {
    return failure(written.error().outcome());
  }
  OutboundRequest request;
  request.character_set = message.character_set;
  request.now = message.arrival;
  request.zone_minutes = message.zone_minutes;
  request.message_id = message.id;
  request.null_sender = sender.empty();
  request.allows_nobody = true;
  OutboundSettings settings;
  settings.hostname = nowhere;
  const AddressMap all = map_for_all_of(header, message.character_set, map);
  auto envelope = convert_outbound(reader, header, request, all, settings, place, content);
  if (!envelope) return failure(envelope.error());
  return sender;
}

}  // namespace smtpgate::converter
