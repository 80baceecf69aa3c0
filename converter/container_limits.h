// What a container (TNEF, AppleSingle) may give at most, and the door that its files pass so that
// it gives no more. Not for the parser's limits (mime_parser.h) or the number of files
// (embedded_attachments.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converter/embedded_files.h"

namespace smtpgate::converter {

struct ContainerLimits {
  unsigned tnef_depth = 10;            ///< TNEF inside TNEF
  unsigned tnef_properties = 100'000;  ///< of one container, embedded messages included
  unsigned expansion = 200;            ///< octets out for each octet in, of one container
  std::uint64_t expansion_floor = std::uint64_t{10} << 20;  ///< allowed to any container
};

/// Hands on what a container gives until that gets too much: then the file is cut and marked.
class LimitedFiles : public EmbeddedFileHandler {
 public:
  /// `target` and `limits` outlive the object.
  LimitedFiles(EmbeddedFileHandler& target, const ContainerLimits& limits, std::string mark)
      : target_(target), limits_(limits), mark_(std::move(mark)) {}

  /// More octets of the container were read.
  void add_input(std::uint64_t octets) { input_ += octets; }
  bool is_limit_broken() const { return is_broken_; }

  void begin_file(const EmbeddedFile& file) override;
  void file_octets(std::string_view octets) override;
  void end_file(const std::vector<std::string>& odd) override;

 private:
  EmbeddedFileHandler& target_;
  const ContainerLimits& limits_;
  std::string mark_;
  std::uint64_t input_ = 0;
  std::uint64_t output_ = 0;
  bool is_broken_ = false;
  bool is_cut_ = false;  ///< the file that is open
};

}  // namespace smtpgate::converter
