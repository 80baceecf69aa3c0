// Fuzzes the reader of encapsulated mail. Input: one octet of choices, then a payload, or what
// stands behind its MAC, which is made here, since no fuzzer guesses one. What is read must be
// within its bounds and give the same payload when it is written again. Nothing touches the disk.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <sodium.h>

#include "postoffice/encapsulated.h"

namespace {

using namespace smtpgate;
using namespace smtpgate::postoffice;

void require(bool holds) {
  if (!holds) std::abort();
}

/// A file of octets in memory, for reading.
class MemoryFile : public File {
 public:
  explicit MemoryFile(std::string_view octets) : octets_(octets) {}

  FileResult<std::size_t> read(std::span<char>) override { return no<std::size_t>(); }
  FileResult<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
    if (offset >= octets_.size()) return std::size_t{0};
    const std::size_t count = std::min(buffer.size(), octets_.size() - offset);
    std::copy_n(octets_.data() + offset, count, buffer.data());
    return count;
  }
  FileResult<void> write(std::string_view) override { return no<void>(); }
  FileResult<void> append_from(File&, std::uint64_t, std::uint64_t) override { return no<void>(); }
  FileResult<void> sync() override { return no<void>(); }
  FileResult<void> set_mode(mode_t) override { return no<void>(); }
  FileResult<void> set_owner(uid_t, gid_t) override { return no<void>(); }
  FileResult<void> set_modified(std::int64_t) override { return no<void>(); }
  FileResult<void> touch() override { return no<void>(); }
  FileResult<FileStatus> status() override {
    FileStatus status;
    status.size = octets_.size();
    return status;
  }
  FileResult<bool> try_lock() override { return no<bool>(); }
  FileResult<void> close() override { return no<void>(); }

 private:
  template <typename T>
  static FileResult<T> no() {
    return tl::unexpected(FileError{ENOTSUP, "use", "memory"});
  }
  std::string_view octets_;
};

std::string with_mac(std::string_view octets, const EncapsulationKey& key) {
  unsigned char mac[32];
  crypto_generichash(mac, sizeof mac, reinterpret_cast<const unsigned char*>(octets.data()),
                     octets.size(), key.data(), key.size());
  char digits[65];
  sodium_bin2hex(digits, sizeof digits, mac, sizeof mac);
  return "SMTPGATE-ENCAPSULATED 1\nMAC " + std::string(digits) + "\n" + std::string(octets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const EncapsulationKey key = *parse_encapsulation_key(std::string(64, '7'));
  const std::string payload = (data[0] & 1U) != 0 ? with_mac(octets, key) : std::string(octets);
  MemoryFile file(payload);
  const FileRange range{&file, 0, payload.size()};
  const auto sender = claimed_sender(range);
  require(sender || sender.error().is_permanent());
  const auto message = open_encapsulated(range, key);
  if (!message) {
    require(message.error().is_permanent());
    return 0;
  }
  require(sender && sender->str() == message->header.from.str());
  require(message->content.offset + message->content.size == payload.size());
  MemoryFile content(std::string_view(payload).substr(message->content.offset));
  const auto head = encapsulation_head(message->header, content, key);
  require(head.has_value());
  // Escapes that nobody needs are read and not written: only what was written so is the same.
  MemoryFile again(*head);
  const auto read = claimed_sender({&again, 0, head->size()});
  require(read && read->str() == sender->str());
  return 0;
}
