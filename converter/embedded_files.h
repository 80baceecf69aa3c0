// Files inside a part that MIME knows nothing of: in the text (uuencode, xxencode, yEnc, BinHex),
// or in a container (TNEF, AppleSingle). Whoever takes a part apart tells a handler what it finds;
// the handler (inbound_assembler.cpp) makes attachments of it.
//
// Not for what MIME itself nests (mime_parser.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

/// What is known of a file before its octets. Hostile: names may be paths.
struct EmbeddedFile {
  std::string name;              ///< UTF-8; empty: none was given
  std::string content_type;      ///< empty: unknown; told from the name
  std::string content_id;        ///< without angle brackets; empty: none
  std::vector<std::string> odd;  ///< marks (docs/conversion.md)
};

/// Receives the files of one part in their order, never one inside another. Octets in pieces of any
/// size. A reader that finds a file wrong in its middle ends it with a mark and goes on, or gives
/// it up before begin_file(); octets that were told are never taken back.
class EmbeddedFileHandler {
 public:
  virtual ~EmbeddedFileHandler() = default;
  virtual void begin_file(const EmbeddedFile& file) = 0;
  virtual void file_octets(std::string_view octets) = 0;
  /// `odd`: marks that were only known now.
  virtual void end_file(const std::vector<std::string>& odd) = 0;
};

}  // namespace smtpgate::converter
