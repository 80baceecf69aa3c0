// [[peer]] tables: see the header.
#include "converter/peer_settings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "postoffice/ascii.h"

namespace smtpgate::converter {

using postoffice::PostofficeName;
using postoffice::SettingsTable;

namespace {

constexpr std::size_t longest_name = 64;

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_name &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_ascii_alpha(c) || is_ascii_digit(c) || c == '.' || c == '-' || c == '_';
         });
}

bool is_among(const std::vector<PostofficeName>& names, const PostofficeName& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Mail for a postoffice goes to its first domain without a dot in front. If that leads to another
/// postoffice, the other site cannot tell which is meant (Q136116).
std::optional<std::string> why_not_addressable(const PostofficeName& name, const AddressMap& map) {
  for (const AddressMap::Entry& entry : map.entries()) {
    if (!(entry.postoffice == name) || entry.domain.starts_with('.')) continue;
    if (map.find(entry.domain)->postoffice == name) return std::nullopt;
    return name.str() + " shares its domain " + entry.domain + " with " +
           map.find(entry.domain)->postoffice.str() +
           "; put a domain of its own before it in the address map";
  }
  return name.str() + " has no domain; give it one in the address map, without a leading dot";
}

class PeerReader {
 public:
  PeerReader(const std::vector<PostofficeName>& served, const AddressMap& map)
      : served_(served), map_(map) {}

  void read(SettingsTable& table) {
    Peer peer;
    if (const auto name = required_string(table, "name", "a name for the log")) {
      if (!is_plain_name(*name)) {
        table.error("name", "is no plain name; write letters, digits, dots and hyphens");
      }
      for (const Peer& other : peers_) {
        if (equals_ignoring_case(other.name, *name)) {
          table.error("name", *name + " stands twice; remove one [[peer]]");
        }
      }
      peer.name = *name;
    }
    read_postoffices(table, peer);
    if (const auto path = required_string(table, "key_file", "the file with the shared secret")) {
      if (!path->starts_with('/')) {
        table.error("key_file", "is no absolute path; begin it with /");
      }
      peer.key_file = *path;
    }
    peer.encapsulate = table.boolean("encapsulate", true);
    peers_.push_back(std::move(peer));
  }

  std::vector<Peer> take() { return std::move(peers_); }

 private:
  void read_postoffices(SettingsTable& table, Peer& peer) {
    const std::vector<std::string> names = table.strings("postoffices", {});
    if (names.empty()) table.error("postoffices", "is empty; write at least one NET/PO");
    for (const std::string& text : names) {
      const auto name = PostofficeName::parse(text);
      if (!name) {
        table.error("postoffices", "\"" + text + "\" is no postoffice; write NET/PO");
      } else if (is_among(served_, *name)) {
        table.error("postoffices", text + " is served here; a peer's is served there");
      } else if (is_among(named_, *name)) {
        table.error("postoffices", text + " stands twice; a postoffice has one peer");
      } else if (const auto why =
                     map_.entries().empty() ? std::nullopt : why_not_addressable(*name, map_)) {
        table.error("postoffices", *why);
      } else {
        peer.postoffices.push_back(*name);
      }
      if (name) named_.push_back(*name);
    }
  }

  const std::vector<PostofficeName>& served_;
  const AddressMap& map_;
  std::vector<PostofficeName> named_;  ///< of all peers so far
  std::vector<Peer> peers_;
};

}  // namespace

std::vector<Peer> read_peers(SettingsTable& root, const std::vector<PostofficeName>& served,
                             const AddressMap& map) {
  PeerReader reader(served, map);
  for (SettingsTable& table : root.tables("peer")) reader.read(table);
  return reader.take();
}

}  // namespace smtpgate::converter
