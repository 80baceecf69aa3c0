// The files that XTEXT and XATTACH lines name: allowed only under one directory that a person gave
// (--external DIR), by a plain relative path, opened without following a link (house rule 5).
// Not for any other file access.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "postoffice/byte_stream.h"

namespace smtpgate::postoffice {

/// True for a path of plain components: relative, no "." or "..", no empty component, no backslash,
/// no colon, no control octet.
bool is_plain_relative_path(std::string_view path);

/// A regular file, open for reading.
class ExternalFile : public ByteSource {
 public:
  /// The error is the reason as the end of the sentence "Failure opening text body file F: ...".
  static tl::expected<std::unique_ptr<ExternalFile>, std::string> open(
      const std::string& directory, const std::string& plain_relative_path);

  explicit ExternalFile(int descriptor, std::uint64_t size, std::string path);
  ExternalFile(const ExternalFile&) = delete;
  ExternalFile& operator=(const ExternalFile&) = delete;
  ~ExternalFile() override;

  std::uint64_t size() const { return size_; }  ///< octets, when it was opened
  FileResult<std::size_t> read(std::span<char> buffer) override;

 private:
  int descriptor_;
  std::uint64_t size_;
  std::string path_;
};

}  // namespace smtpgate::postoffice
