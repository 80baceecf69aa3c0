// The payload by which two sites exchange a whole MMFF message over the Internet: lines that say
// who it is from and for, a MAC over everything behind it, and the message's own octets
// (docs/encapsulation.md, "The payload"). Everything about it is ours: no article says how the
// original's wrapping looked inside (Q87039).
//
// Not for the mail around it, not for whose key counts, and not for what is done with the message:
// milter/wrapping.h and milter/unwrapping.h.
//
// Errors: permanent 5.6.0 for what breaks the format, 5.7.7 for a wrong MAC, temporary for the
// disk. Constant memory but for the recipients, of which there are at most
// `most_outgoing_recipients`. Calls share nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/file_system.h"
#include "postoffice/outcome.h"

namespace smtpgate::postoffice {

/// What a payload begins with.
inline constexpr std::string_view encapsulation_mark = "SMTPGATE-ENCAPSULATED";

/// The secret that two peers share.
using EncapsulationKey = std::array<unsigned char, 32>;

/// 64 hexadecimal digits, in either case; nullopt for anything else.
std::optional<EncapsulationKey> parse_encapsulation_key(std::string_view digits);

/// What the lines say. Strings are UTF-8.
struct EncapsulatedHeader {
  std::string id;             ///< of the outgoing message, 32 hexadecimal digits
  std::int64_t created = 0;   ///< seconds since 1970
  std::string character_set;  ///< of an MMFF file that does not say its own
  NativeAddress from;
  std::vector<NativeAddress> to;  ///< at least one
};

/// Octets of an open file, which outlives it and does not change meanwhile.
struct FileRange {
  File* file = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// The payload but for the message: its lines and the empty one. `content`, read once from its
/// start to its end, is to follow octet for octet. permanent 5.6.0: something that no line can
/// hold.
Expected<std::string> encapsulation_head(const EncapsulatedHeader& header, File& content,
                                         const EncapsulationKey& key);

/// FROM: whose key is needed to read the payload. Nothing shows yet that it is true. Looks at the
/// first lines only.
Expected<NativeAddress> claimed_sender(const FileRange& payload);

struct EncapsulatedMessage {
  EncapsulatedHeader header;
  FileRange content;  ///< the MMFF file; within the payload
  std::string mac;    ///< 64 lower-case hexadecimal digits
};

/// The MAC is compared first, in constant time; only then anything else is looked at, strictly and
/// to the last octet.
Expected<EncapsulatedMessage> open_encapsulated(const FileRange& payload,
                                                const EncapsulationKey& key);

}  // namespace smtpgate::postoffice
