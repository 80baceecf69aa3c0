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
  const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), rest_));
  auto count = file_.read_at(offset_, buffer.first(want));
  if (count) {
    offset_ += *count;
    rest_ -= *count;
  }
  return count;
}

FileResult<std::size_t> JoinedSource::read(std::span<char> buffer) {
  if (!first_ended_ && !buffer.empty()) {
    auto count = first_.read(buffer);
    if (!count || *count > 0) return count;
    first_ended_ = true;
  }
  return second_.read(buffer);
}

}  // namespace smtpgate::postoffice
