// TNEF: the files in it to a handler, each of its messages (its own, then those embedded) to
// another. Octets in, in pieces of any size. What is embedded is read level by level from a spool,
// so that no depth costs stack; memory is a few spools' (spool.h). Not for the parts of one message
// (tnef_message_reader.h) or what becomes of them (tnef_expansion.h).
//
// A disk error stops all work; error() tells it at the end. One object, one container, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/container_limits.h"
#include "converter/tnef_message_reader.h"

namespace smtpgate::converter {

class TnefReader {
 public:
  /// All outlive the reader.
  TnefReader(const SpoolPlace& place, const ContainerLimits& limits, LimitedFiles& files,
             TnefMessageHandler& messages);

  void feed(std::string_view piece) { reader_.feed(piece); }
  /// Tells the container's message, then reads what is embedded.
  void finish();

  /// It begins with TNEF's signature.
  bool is_tnef() const { return reader_.is_tnef(); }
  /// "tnef-damaged", "tnef-limit", "checksum-wrong".
  std::vector<std::string> marks() const;
  const std::optional<postoffice::FileError>& error() const { return reading_.error; }

 private:
  void read_level(Spool& spool, const std::vector<EmbeddedTnef>& level);
  void keep_as_file(Spool& spool, const EmbeddedTnef& one);

  TnefMessageHandler& messages_;
  Spool embedded_;
  std::vector<EmbeddedTnef> queue_;
  TnefReading reading_;
  TnefMessage message_;
  TnefMessageReader reader_;
};

}  // namespace smtpgate::converter
