// The converter's part of the configuration file: [converter], the address map, the postoffices
// served and those of peers. Programs of this room read it here; milter/configuration.h reads the
// same file whole and uses this for these parts.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "converter/address_map.h"
#include "converter/inbound.h"
#include "converter/outbound.h"
#include "converter/peer_settings.h"
#include "postoffice/address.h"
#include "postoffice/settings_file.h"

namespace smtpgate::converter {

struct ServedPostoffice {
  postoffice::PostofficeName name;
  std::string directory;  ///< in shadow mode the shadow's, and the real one is not here at all
  std::string shadow{};   ///< the folder to try things in; empty: none
  int line = 0;           ///< of its [[postoffice]]
};

struct ConverterSettings {
  InboundSettings inbound;
  OutboundSettings
      outbound;  ///< its hostname is left empty: the gateway's own is for the caller to fill in
  AddressMap map;
  std::vector<ServedPostoffice> postoffices;
  std::vector<Peer> peers;
};

/// Reads its tables from an open file; errors go into the file's list.
ConverterSettings read_converter_settings(postoffice::SettingsFile& file);

}  // namespace smtpgate::converter
