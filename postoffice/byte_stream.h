// Where octets come from and go to, for code that streams and does not care what is behind it.
// Errors are file errors; memory never fails here (std::bad_alloc is the caller's: temporary).
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"

namespace smtpgate::postoffice {

/// Octets that are read or copied at a time.
inline constexpr std::size_t stream_buffer_size = std::size_t{64} << 10;

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Up to buffer.size() octets; 0 at the end.
  virtual FileResult<std::size_t> read(std::span<char> buffer) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual FileResult<void> write(std::string_view data) = 0;
};

/// Reads from memory that outlives it.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view data) : rest_(data) {}
  FileResult<std::size_t> read(std::span<char> buffer) override;

 private:
  std::string_view rest_;
};

/// Appends to a string that outlives it.
class StringSink : public ByteSink {
 public:
  explicit StringSink(std::string& target) : target_(target) {}
  FileResult<void> write(std::string_view data) override;

 private:
  std::string& target_;
};

/// Reads an open File from its position; the File outlives it.
class FileSource : public ByteSource {
 public:
  explicit FileSource(File& file) : file_(file) {}
  FileResult<std::size_t> read(std::span<char> buffer) override { return file_.read(buffer); }

 private:
  File& file_;
};

/// Writes to an open File at its position; the File outlives it.
class FileSink : public ByteSink {
 public:
  explicit FileSink(File& file) : file_(file) {}
  FileResult<void> write(std::string_view data) override { return file_.write(data); }

 private:
  File& file_;
};

/// Reads from an open File at an offset of its own, so that several may read the same one: all of
/// it, or `size` octets from `offset`.
class OffsetSource : public ByteSource {
 public:
  explicit OffsetSource(File& file, std::uint64_t offset = 0,
                        std::uint64_t size = std::numeric_limits<std::uint64_t>::max())
      : file_(file), offset_(offset), rest_(size) {}
  FileResult<std::size_t> read(std::span<char> buffer) override;

 private:
  File& file_;
  std::uint64_t offset_;
  std::uint64_t rest_;
};

/// One source behind another; both outlive it.
class JoinedSource : public ByteSource {
 public:
  JoinedSource(ByteSource& first, ByteSource& second) : first_(first), second_(second) {}
  FileResult<std::size_t> read(std::span<char> buffer) override;

 private:
  ByteSource& first_;
  ByteSource& second_;
  bool first_ended_ = false;
};

}  // namespace smtpgate::postoffice
