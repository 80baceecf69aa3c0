// Memory ends of the byte streams; see the header.
#include "postoffice/byte_stream.h"

#include <algorithm>

namespace smtpgate::postoffice {

FileResult<std::size_t> MemorySource::read(std::span<char> buffer) {
  const std::size_t count = std::min(buffer.size(), rest_.size());
  std::copy_n(rest_.data(), count, buffer.data());
  rest_.remove_prefix(count);
  return count;
}

FileResult<void> StringSink::write(std::string_view data) {
  target_.append(data);
  return {};
}

FileResult<std::size_t> OffsetSource::read(std::span<char> buffer) {
  auto count = file_.read_at(offset_, buffer);
  if (count) offset_ += *count;
  return count;
}

}  // namespace smtpgate::postoffice
