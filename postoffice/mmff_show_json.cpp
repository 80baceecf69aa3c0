// An MMFF file as JSON; see mmff_show.h. Text for people: mmff_show_text.cpp.
#include <array>
#include <ostream>
#include <vector>

#include <nlohmann/json.hpp>
#include <sodium.h>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff_show.h"
#include "postoffice/mmff_text.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::ordered_json;

class Sha256 {
 public:
  Sha256() { crypto_hash_sha256_init(&state_); }

  void add(std::string_view octets) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(octets.data()),
                              octets.size());
    size_ += octets.size();
  }
  std::uint64_t size() const { return size_; }
  /// Once, at the end; lower-case hexadecimal digits.
  std::string hex() {
    std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
    crypto_hash_sha256_final(&state_, digest.data());
    std::string text(2 * digest.size() + 1, '\0');
    sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
    text.pop_back();
    return text;
  }

 private:
  crypto_hash_sha256_state state_{};
  std::uint64_t size_ = 0;
};

Json address_json(const TypedAddress& address, const std::string& set) {
  return {{"type", to_utf8(address.type, set)},
          {"address", to_utf8(address.address, set)},
          {"name", to_utf8(address.name, set)}};
}

Json addresses_json(const std::vector<TypedAddress>& addresses, const std::string& set) {
  Json list = Json::array();
  for (const TypedAddress& address : addresses) list.push_back(address_json(address, set));
  return list;
}

Json fields_json(const MessageHeader& header, const std::string& set) {
  // Sorted by name here: ordered_json looks names up one after the other.
  nlohmann::json fields = nlohmann::json::object();
  for (const ExtendedField& field : header.all_fields()) {
    fields[to_utf8(field.name, set)].push_back(to_utf8(field.value, set));
  }
  return fields;
}

Json message_json(const MessageHeader& header, const std::string& set) {
  Json message = {{"version", to_utf8(header.version, set)},
                  {"from", address_json(header.from, set)},
                  {"to", addresses_json(header.to, set)},
                  {"cc", addresses_json(header.cc, set)},
                  {"date", to_utf8(header.date, set)},
                  {"time", to_utf8(header.time, set)},
                  {"subject", to_utf8(header.subject, set)},
                  {"priority", to_utf8(header.priority, set)},
                  {"header_lines", header.header_lines},
                  {"text", Json::object()},
                  {"attachments", Json::array()},
                  {"ext", fields_json(header, set)}};
  for (const Attachment& attachment : header.attachments) {
    message["attachments"].push_back({{"name", to_utf8(attachment.name, set)},
                                      {"size", attachment.size},
                                      {"sha256", ""},
                                      {"content_type", to_utf8(attachment.content_type, set)},
                                      {"disposition", to_utf8(attachment.disposition, set)}});
  }
  return message;
}

/// The rest of the open section, in pieces.
template <typename Take>
FormatResult<void> for_each_piece(Reader& reader, std::vector<char>& buffer, Take take) {
  while (true) {
    const auto count = reader.read(buffer);
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) return {};
    take(std::string_view(buffer.data(), *count));
  }
}

FormatResult<void> hash_contents(Reader& reader, const MessageHeader& header,
                                 const std::string& set, Json& message, std::vector<char>& buffer) {
  RenderedHeaderSplitter splitter(header.header_lines, reader.line_end());
  Sha256 text;
  const auto take_text = [&](std::string_view piece) { text.add(splitter.split(piece).text); };
  if (auto done = for_each_piece(reader, buffer, take_text); !done) return done;
  message["text"] = {{"size", text.size()}, {"sha256", text.hex()}, {"charset", set}};
  for (Json& attachment : message["attachments"]) {
    const auto opened = reader.next_section();
    if (!opened) return tl::unexpected(opened.error());
    Sha256 hash;
    const auto take = [&hash](std::string_view piece) { hash.add(piece); };
    if (auto done = for_each_piece(reader, buffer, take); !done) return done;
    attachment["sha256"] = hash.hex();
  }
  return {};
}

FormatResult<std::uint64_t> show_messages(Reader& reader, std::ostream& out,
                                          const ShowOptions& options) {
  std::vector<char> buffer(stream_buffer_size);
  for (std::uint64_t count = 0;; ++count) {
    const auto header = reader.next();
    if (!header) return tl::unexpected(header.error());
    if (!*header) return count;
    const std::string set = character_set_of(**header, options.character_set);
    Json message = message_json(**header, set);
    if (auto hashed = hash_contents(reader, **header, set, message, buffer); !hashed) {
      return tl::unexpected(hashed.error());
    }
    out << (count == 0 ? "\n" : ",\n")
        << message.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}

}  // namespace

FormatResult<std::uint64_t> show_json(ByteSource& source, std::ostream& out,
                                      const ShowOptions& options) {
  Reader reader(source, options.reader);
  out << "{\"messages\":[";
  auto result = show_messages(reader, out, options);
  out << "]}\n";
  return result;
}

FormatResult<void> show_folder_json(ByteSource& source, std::ostream& out, const FolderJson& folder,
                                    const ShowOptions& options) {
  Reader reader(source, options.reader);
  const auto header = reader.next();
  if (!header) return tl::unexpected(header.error());
  if (!*header) return tl::unexpected(FormatError{144, 1, 1, "there is no message in the file"});
  const std::string set = character_set_of(**header, options.character_set);
  Json message = message_json(**header, set);
  std::vector<char> buffer(stream_buffer_size);
  if (auto hashed = hash_contents(reader, **header, set, message, buffer); !hashed) return hashed;
  for (std::size_t i = 0; i < folder.attachment_files.size(); ++i) {
    message["attachments"][i]["file"] = folder.attachment_files[i];
  }
  message["id"] = folder.id;
  if (const auto sender = (*header)->field(ext::envelope_from)) {
    message["envelope"] = {{"sender", to_utf8(*sender, set)}};
  }
  out << message.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  return {};
}

}  // namespace smtpgate::postoffice
