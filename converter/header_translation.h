// The message's own header to MMFF: which field becomes a token or an EXT field, which line stands
// on top of the text, which is kept out of sight. The rules in plain words: docs/conversion.md.
//
// Not for: the grammar of values (address_list.h, encoded_word.h, mail_date.h) or the parts of the
// body (inbound_assembler.h).
#pragma once

#include <string>
#include <vector>

#include "converter/address_map.h"
#include "converter/envelope.h"
#include "converter/header_field.h"
#include "converter/inbound.h"
#include "postoffice/mmff.h"

namespace smtpgate::converter {

struct TranslatedHeader {
  postoffice::MessageHeader message;    ///< strings in UTF-8; contents not yet known
  std::vector<std::string> text_lines;  ///< "Name: value", UTF-8, for the top of the text
  bool odd = false;                     ///< a value had to be forgiven
};

/// `fields` may be empty (a message without a header): FROM is then the envelope's sender. Always
/// gives a FROM and at least one TO, which MMFF demands.
TranslatedHeader translate_header(const HeaderFields& fields, const Envelope& envelope,
                                  const AddressMap& map, const TargetFormat& target,
                                  const InboundSettings& settings);

/// True if `name` is one of `patterns`: without regard to case, a final '*' stands for any rest.
bool matches_field_pattern(std::string_view name, const std::vector<std::string>& patterns);

}  // namespace smtpgate::converter
