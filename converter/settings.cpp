// [converter], [[postoffice]], [[peer]] and the address map: see the header. Errors of the map
// carry the map's own place after the place of the key that names it.
#include "converter/settings.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "converter/address_list.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

using postoffice::SettingsFile;
using postoffice::SettingsTable;

namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

bool is_field_pattern(std::string_view text) {
  if (text.ends_with('*')) text.remove_suffix(1);
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == ':' || c == '*') return false;
  }
  return !text.empty();
}

void read_limits(SettingsTable table, InboundSettings& inbound) {
  const ParserLimits defaults;
  // The upper bounds keep memory and stack within what the tests have tried.
  inbound.limits.depth = static_cast<unsigned>(table.integer("depth", defaults.depth, 1, 1'000));
  inbound.limits.parts =
      static_cast<unsigned>(table.integer("parts", defaults.parts, 1, 1'000'000));
  inbound.limits.header_octets = static_cast<std::uint64_t>(
      table.integer("header_octets", static_cast<std::int64_t>(defaults.header_octets), 1024,
                    std::int64_t{1} << 30));
  inbound.limits.header_fields =
      static_cast<unsigned>(table.integer("header_fields", defaults.header_fields, 10, 10'000'000));
  const ContainerLimits containers;
  inbound.containers.tnef_depth =
      static_cast<unsigned>(table.integer("tnef_depth", containers.tnef_depth, 0, 100));
  inbound.containers.tnef_properties = static_cast<unsigned>(
      table.integer("tnef_properties", containers.tnef_properties, 1, 10'000'000));
  inbound.containers.expansion =
      static_cast<unsigned>(table.integer("expansion", containers.expansion, 1, 10'000));
  inbound.most_embedded_files = static_cast<unsigned>(
      table.integer("embedded_files", InboundSettings{}.most_embedded_files, 0, 100'000));
  // Below, nothing would be left of a name but its number and its extension.
  inbound.longest_name = static_cast<std::size_t>(table.integer(
      "name_octets", static_cast<std::int64_t>(InboundSettings{}.longest_name), 20, 255));
  inbound.longest_time = std::chrono::seconds(
      table.integer("seconds", InboundSettings{}.longest_time.count(), 1, 3'600));
  inbound.most_addresses = static_cast<unsigned>(
      table.integer("addresses", InboundSettings{}.most_addresses, 1, 1'000'000));
}

InboundSettings read_inbound(SettingsTable& table) {
  InboundSettings result;
  result.from_envelope = table.choice("from", "header", {"header", "envelope"}) == "envelope";
  if (table.choice("attachment_names", "long", {"long", "8.3"}) == "8.3") {
    result.attachment_names = AttachmentNames::Form::short_8_3;
  }
  result.joins_flowed = table.choice("flowed", "join", {"join", "keep"}) == "join";
  result.keep_trace = table.boolean("trace", false);
  result.hidden_fields = table.strings("hide", InboundSettings::default_hidden_fields());
  for (const std::string& name : result.hidden_fields) {
    if (!is_field_pattern(name)) {
      table.error("hide", "\"" + name +
                              "\" is no field name; write it without the colon, with at most one "
                              "* at its end");
    }
  }
  read_limits(table.table("limits"), result);
  return result;
}

OutboundSettings read_outbound(SettingsTable& table) {
  OutboundSettings result;
  const std::string receipts =
      table.choice("receipts", "both", {"never", "delivery", "reading", "both"});
  if (receipts == "never") result.receipts = ReceiptRequest::ignore;
  if (receipts == "delivery") result.receipts = ReceiptRequest::delivery;
  if (receipts == "reading") result.receipts = ReceiptRequest::reading;
  for (const std::string& written : table.strings("uuencode_domains", {})) {
    // What takes subdomains in keeps its dot.
    const bool with_subdomains = written.starts_with('.');
    const std::string domain = canonical_domain(std::string_view(written).substr(with_subdomains));
    if (domain.empty() || domain.find_first_of(" @/") != std::string::npos) {
      table.error(
          "uuencode_domains",
          "\"" + written + "\" is no domain; write host.example, or .example for subdomains");
      continue;
    }
    result.uuencode_domains.push_back(with_subdomains ? "." + domain : domain);
  }
  return result;
}

std::vector<ServedPostoffice> read_postoffices(SettingsFile& file, SettingsTable root) {
  std::vector<ServedPostoffice> result;
  for (SettingsTable& table : root.tables("postoffice")) {
    const auto name = required_string(table, "name", "NET/PO as its postoffice.toml has it");
    const auto path = required_string(table, "path", "the postoffice's folder");
    const std::string shadow = table.string("shadow", "");
    if (!shadow.empty() && !shadow.starts_with('/')) {
      table.error("shadow", "\"" + shadow + "\" is no absolute path; begin it with /");
    }
    const auto parsed = name ? postoffice::PostofficeName::parse(*name) : std::nullopt;
    if (name && !parsed) {
      table.error("name",
                  "\"" + *name + "\" is no postoffice; write NET/PO as its postoffice.toml has it");
    }
    if (path && !path->starts_with('/')) {
      table.error("path", "\"" + *path + "\" is no absolute path; begin it with /");
    }
    if (!parsed || !path) continue;
    for (const ServedPostoffice& other : result) {
      if (other.name == *parsed) {
        table.error("name", *name + " stands twice; remove one [[postoffice]]");
      }
    }
    result.push_back({*parsed, *path, shadow, table.line("shadow")});
  }
  if (!root.has("postoffice")) {
    file.add_error(1, "no [[postoffice]]; write one with name and path for each postoffice served");
  }
  return result;
}

AddressMap read_map(const std::string& path, SettingsTable& table) {
  auto map = AddressMap::read(path);
  if (map) return std::move(*map);
  for (std::string& line : map.error()) table.error("address_map", std::move(line));
  return {};
}

void check_map(const ConverterSettings& settings, const std::string& path, SettingsTable& table) {
  std::set<std::string> known;
  const auto add = [&](const postoffice::PostofficeName& name) {
    known.insert(ascii_lower(name.str()));
  };
  for (const ServedPostoffice& one : settings.postoffices) add(one.name);
  for (const Peer& peer : settings.peers) {
    std::for_each(peer.postoffices.begin(), peer.postoffices.end(), add);
  }
  for (const AddressMap::Entry& entry : settings.map.entries()) {
    if (known.contains(ascii_lower(entry.postoffice.str()))) continue;
    table.error("address_map", path + ":" + std::to_string(entry.line) + ": " +
                                   entry.postoffice.str() +
                                   " is neither served here nor a peer's; add a [[postoffice]] for "
                                   "it, name it in a [[peer]], or remove the line");
  }
}

}  // namespace

ConverterSettings read_converter_settings(SettingsFile& file) {
  ConverterSettings result;
  SettingsTable root = file.root();
  SettingsTable table = root.table("converter");
  result.inbound = read_inbound(table);
  result.outbound = read_outbound(table);
  const std::size_t errors_before = file.errors().size();
  result.postoffices = read_postoffices(file, root);
  bool postoffices_are_good = file.errors().size() == errors_before;
  std::string map_path = table.string("address_map", "/etc/smtpgate/ADDR_MAP.CFG");
  if (!map_path.starts_with('/')) map_path = directory_of(file.path()) + map_path;
  result.map = read_map(map_path, table);
  const std::size_t errors_before_peers = file.errors().size();
  std::vector<postoffice::PostofficeName> served;
  for (const ServedPostoffice& one : result.postoffices) served.push_back(one.name);
  result.peers = read_peers(root, served, result.map);
  postoffices_are_good = postoffices_are_good && file.errors().size() == errors_before_peers;
  // What a wrong [[postoffice]] or [[peer]] brings about in the map is not said as well.
  if (postoffices_are_good) check_map(result, map_path, table);
  return result;
}

}  // namespace smtpgate::converter
