// The payload of encapsulated mail; see the header. Lines are read twice: up to FROM before the MAC
// is known to be right, and whole after it, so that what an outsider sends costs a few lines of
// memory and one pass.
#include "postoffice/encapsulated.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>

#include "postoffice/ascii.h"
#include "postoffice/mmff.h"
#include "postoffice/outgoing.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view first_line = "SMTPGATE-ENCAPSULATED 1";
constexpr std::size_t longest_line = 1000;  // octets, without its LF
constexpr std::size_t longest_set = 64;     // octets of a character set's name
constexpr std::size_t mac_size = 32;
constexpr std::size_t mac_digits = 2 * mac_size;
constexpr std::size_t piece_size = std::size_t{256} << 10;
constexpr std::int64_t last_moment = 253'402'300'799;  // the end of the year 9999

Outcome broken(std::string what) {
  return Outcome::permanent("the payload is broken: " + std::move(what), "5.6.0");
}

bool is_set_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_set &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_ascii_alpha(c) || is_ascii_digit(c) ||
                  std::string_view("._:+-").find(c) != std::string_view::npos;
         });
}

bool is_mac(std::string_view text) {
  return text.size() == mac_digits && std::all_of(text.begin(), text.end(), [](char c) {
           return is_ascii_digit(c) || (c >= 'a' && c <= 'f');
         });
}

/// Digits alone, none of them a needless zero.
template <typename Number>
std::optional<Number> parse_number(std::string_view text, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '-') {
    return std::nullopt;
  }
  if ((text.size() > 1 && text.front() == '0') || value > most) return std::nullopt;
  return value;
}

class Mac {
 public:
  explicit Mac(const EncapsulationKey& key) {
    crypto_generichash_init(&state_, key.data(), key.size(), mac_size);
  }

  void add(std::string_view octets) {
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(octets.data()),
                              octets.size());
  }

  FileResult<void> add(const FileRange& range) {
    std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, range.size)),
                       '\0');
    for (std::uint64_t done = 0; done < range.size;) {
      const auto want =
          static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), range.size - done));
      auto count = range.file->read_at(range.offset + done, std::span<char>(buffer.data(), want));
      if (!count) return tl::unexpected(count.error());
      if (*count == 0) return tl::unexpected(FileError{EIO, "read", "a message to its end"});
      add(std::string_view(buffer.data(), *count));
      done += *count;
    }
    return {};
  }

  std::array<unsigned char, mac_size> finish() {
    std::array<unsigned char, mac_size> result{};
    crypto_generichash_final(&state_, result.data(), result.size());
    return result;
  }

 private:
  crypto_generichash_state state_{};
};

/// The lines of a payload, one after the other.
class Lines {
 public:
  explicit Lines(const FileRange& payload) : payload_(payload) {}

  /// Without its LF. The view is good until the next call.
  Expected<std::string_view> next() {
    for (;;) {
      const std::string_view left = std::string_view(buffer_).substr(begin_);
      const std::size_t end = left.substr(0, longest_line + 1).find('\n');
      if (end != std::string_view::npos) {
        begin_ += end + 1;
        ++number_;
        return left.substr(0, end);
      }
      if (left.size() > longest_line)
        return failure(broken(fmt::format("line {} is too long", number_ + 1)));
      auto more = fill();
      if (!more) return failure(more.error().outcome());
      if (!*more) return failure(broken(fmt::format("it ends in line {}", number_ + 1)));
    }
  }

  /// The value of the next line, which must be `keyword`'s.
  Expected<std::string> value(std::string_view keyword) {
    auto line = next();
    if (!line) return failure(line.error());
    if (!line->starts_with(keyword) || line->substr(keyword.size(), 1) != " ") {
      return failure(wrong(fmt::format("is no {}", keyword)));
    }
    return unescape_value(line->substr(keyword.size() + 1));
  }

  /// A sentence about the line read last.
  Outcome wrong(std::string_view what) const {
    return broken(fmt::format("line {} {}", number_, what));
  }

  std::uint64_t offset() const { return offset_ - (buffer_.size() - begin_); }

 private:
  FileResult<bool> fill() {
    buffer_.erase(0, std::exchange(begin_, 0));
    const std::size_t kept = buffer_.size();
    const std::uint64_t left = payload_.size - offset_;
    buffer_.resize(kept + static_cast<std::size_t>(std::min<std::uint64_t>(64 << 10, left)));
    auto count =
        payload_.file->read_at(payload_.offset + offset_, std::span<char>(buffer_).subspan(kept));
    buffer_.resize(kept + (count ? *count : 0));
    if (!count) return tl::unexpected(count.error());
    offset_ += *count;
    return *count > 0;
  }

  FileRange payload_;
  std::string buffer_;
  std::size_t begin_ = 0;     ///< of what is left in the buffer
  std::uint64_t offset_ = 0;  ///< octets of the payload read so far
  std::uint64_t number_ = 0;
};

/// The lines up to FROM, which are the same to those who have the key and those who have not.
struct Beginning {
  std::string mac;
  std::uint64_t authentic_from = 0;  ///< where the octets that the MAC is of begin
  EncapsulatedHeader header;
};

Expected<NativeAddress> parse_address(const Lines& lines, const Expected<std::string>& value) {
  if (!value) return failure(value.error());
  auto address = NativeAddress::parse(*value);
  if (!address) return failure(lines.wrong("names no NET/PO/MAILBOX"));
  return std::move(*address);
}

Expected<Beginning> read_beginning(Lines& lines) {
  auto line = lines.next();
  if (!line) return failure(line.error());
  if (*line != first_line) return failure(lines.wrong("is not that of version 1"));
  Beginning result;
  auto value = lines.value("MAC");
  if (!value) return failure(value.error());
  if (!is_mac(*value)) return failure(lines.wrong("has no 64 hexadecimal digits"));
  result.mac = std::move(*value);
  result.authentic_from = lines.offset();
  value = lines.value("ID");
  if (!value) return failure(value.error());
  if (!is_outgoing_id(*value)) return failure(lines.wrong("has no 32 hexadecimal digits"));
  result.header.id = std::move(*value);
  value = lines.value("CREATED");
  if (!value) return failure(value.error());
  const auto created = parse_number<std::int64_t>(*value, last_moment);
  if (!created) return failure(lines.wrong("has no seconds since 1970"));
  result.header.created = *created;
  value = lines.value("CHARSET");
  if (!value) return failure(value.error());
  if (!is_set_name(*value)) return failure(lines.wrong("names no character set"));
  result.header.character_set = std::move(*value);
  auto from = parse_address(lines, lines.value("FROM"));
  if (!from) return failure(from.error());
  result.header.from = std::move(*from);
  return result;
}

/// TO, SIZE and the empty line; the size.
Expected<std::uint64_t> read_rest(Lines& lines, EncapsulatedHeader& header) {
  for (;;) {
    auto line = lines.next();
    if (!line) return failure(line.error());
    if (!line->starts_with("TO ")) {
      if (header.to.empty()) return failure(lines.wrong("is no TO"));
      const auto size =
          line->starts_with("SIZE ")
              ? parse_number(line->substr(5), std::numeric_limits<std::uint64_t>::max())
              : std::nullopt;
      if (!size) return failure(lines.wrong("is neither TO nor SIZE with a number"));
      line = lines.next();
      if (!line) return failure(line.error());
      if (!line->empty()) return failure(lines.wrong("is not empty"));
      return *size;
    }
    if (header.to.size() >= most_outgoing_recipients) {
      return failure(broken(fmt::format("more than {} recipients", most_outgoing_recipients)));
    }
    auto address = parse_address(lines, unescape_value(line->substr(3)));
    if (!address) return failure(address.error());
    header.to.push_back(std::move(*address));
  }
}

Expected<void> authenticate(const FileRange& payload, const Beginning& beginning,
                            const EncapsulationKey& key) {
  Mac mac(key);
  auto added = mac.add(FileRange{payload.file, payload.offset + beginning.authentic_from,
                                 payload.size - beginning.authentic_from});
  if (!added) return failure(added.error().outcome());
  const auto computed = mac.finish();
  std::array<unsigned char, mac_size> claimed{};
  sodium_hex2bin(claimed.data(), claimed.size(), beginning.mac.data(), beginning.mac.size(),
                 nullptr, nullptr, nullptr);
  if (sodium_memcmp(claimed.data(), computed.data(), claimed.size()) == 0) return {};
  return failure(Outcome::permanent(
      "its MAC is not that of the peer's key; either the payload was changed on its way, or the "
      "two sites' keys differ",
      "5.7.7"));
}

}  // namespace

std::optional<EncapsulationKey> parse_encapsulation_key(std::string_view digits) {
  EncapsulationKey key{};
  std::size_t size = 0;
  const char* end = nullptr;
  const int code =
      sodium_hex2bin(key.data(), key.size(), digits.data(), digits.size(), nullptr, &size, &end);
  if (code != 0 || size != key.size() || end != digits.data() + digits.size()) return std::nullopt;
  return key;
}

Expected<std::string> encapsulation_head(const EncapsulatedHeader& header, File& content,
                                         const EncapsulationKey& key) {
  if (!is_outgoing_id(header.id) || header.created < 0 || header.created > last_moment ||
      !is_set_name(header.character_set) || header.to.empty() ||
      header.to.size() > most_outgoing_recipients) {
    return failure(
        Outcome::permanent("message " + header.id +
                               " has an ID, time, character set or number of recipients that "
                               "cannot be encapsulated",
                           "5.6.0"));
  }
  auto status = content.status();
  if (!status) return failure(status.error().outcome());
  std::string lines =
      fmt::format("ID {}\nCREATED {}\nCHARSET {}\nFROM {}\n", header.id, header.created,
                  header.character_set, escape_value(header.from.str()));
  for (const NativeAddress& recipient : header.to) {
    lines += "TO " + escape_value(recipient.str()) + "\n";
  }
  lines += fmt::format("SIZE {}\n\n", status->size);
  Mac mac(key);
  mac.add(lines);
  if (auto added = mac.add(FileRange{&content, 0, status->size}); !added) {
    return failure(added.error().outcome());
  }
  const auto computed = mac.finish();
  std::array<char, mac_digits + 1> digits{};
  sodium_bin2hex(digits.data(), digits.size(), computed.data(), computed.size());
  return fmt::format("{}\nMAC {}\n{}", first_line, digits.data(), lines);
}

Expected<NativeAddress> claimed_sender(const FileRange& payload) {
  Lines lines(payload);
  auto beginning = read_beginning(lines);
  if (!beginning) return failure(beginning.error());
  return std::move(beginning->header.from);
}

Expected<EncapsulatedMessage> open_encapsulated(const FileRange& payload,
                                                const EncapsulationKey& key) {
  Lines lines(payload);
  auto beginning = read_beginning(lines);
  if (!beginning) return failure(beginning.error());
  if (auto good = authenticate(payload, *beginning, key); !good) return failure(good.error());
  EncapsulatedMessage message;
  message.header = std::move(beginning->header);
  message.mac = std::move(beginning->mac);
  auto size = read_rest(lines, message.header);
  if (!size) return failure(size.error());
  message.content = {payload.file, payload.offset + lines.offset(), *size};
  if (*size != payload.size - lines.offset()) {
    return failure(broken(
        fmt::format("{} octets follow where SIZE says {}", payload.size - lines.offset(), *size)));
  }
  return message;
}

}  // namespace smtpgate::postoffice
