// [[peer]] of the configuration file: other sites that smtpgate exchanges whole messages with, and
// which postoffices are theirs (docs/encapsulation.md). Read beside the address map, which names
// these postoffices though nobody here serves them.
//
// Not for the secret itself: milter/peer_key.h.
#pragma once

#include <string>
#include <vector>

#include "converter/address_map.h"
#include "postoffice/address.h"
#include "postoffice/settings_file.h"

namespace smtpgate::converter {

struct Peer {
  std::string name;  ///< for people: letters, digits, '.', '-' and '_'
  std::vector<postoffice::PostofficeName> postoffices;
  std::string key_file;     ///< absolute
  bool encapsulate = true;  ///< false: their mail goes out as ordinary Internet mail
};

/// All [[peer]] tables; errors go into the file's list. A postoffice of a peer must not be among
/// `served`, nor be named twice, and the domain that mail for it is sent to must be its own in
/// `map` (not looked at where the map is empty, which was an error before).
std::vector<Peer> read_peers(postoffice::SettingsTable& root,
                             const std::vector<postoffice::PostofficeName>& served,
                             const AddressMap& map);

}  // namespace smtpgate::converter
