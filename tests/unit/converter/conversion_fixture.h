// What the converter's tests share: a directory of their own, and one call from message octets to
// what the MMFF file says.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converter/inbound.h"
#include "postoffice/file_system.h"
#include "postoffice/mmff_reader.h"

namespace smtpgate::test {

/// A directory that goes away with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "smtpgate-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

inline std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// An MMFF file taken apart.
struct ReadMessage {
  postoffice::MessageHeader header;
  std::string text;  ///< after the header lines
  std::string top;   ///< the header lines with their dashes
  std::vector<std::string> contents;

  std::vector<std::string> marks() const {
    std::vector<std::string> found;
    for (const postoffice::ExtendedField& field : header.fields) {
      if (field.name == postoffice::ext::odd) found.push_back(field.value);
    }
    return found;
  }
};

inline ReadMessage read_api(const std::string& octets) {
  postoffice::MemorySource source(octets);
  postoffice::Reader reader(source);
  auto next = reader.next();
  if (!next) throw std::runtime_error(next.error().str());
  if (!*next) throw std::runtime_error("no message in the file");
  ReadMessage message;
  message.header = std::move(**next);
  const auto section = [&] {
    std::string data;
    std::string buffer(4096, '\0');
    for (;;) {
      auto count = reader.read(buffer);
      if (!count) throw std::runtime_error(count.error().str());
      if (*count == 0) return data;
      data.append(buffer, 0, *count);
    }
  };
  message.text = section();
  std::size_t top = 0;
  for (std::uint64_t line = 0; line < message.header.header_lines; ++line) {
    top = message.text.find_first_of("\n", top) + 1;
  }
  message.top = message.text.substr(0, top);
  message.text.erase(0, top);
  for (;;) {
    auto more = reader.next_section();
    if (!more) throw std::runtime_error(more.error().str());
    if (!*more) break;
    message.contents.push_back(section());
  }
  auto end = reader.next();
  if (!end) throw std::runtime_error(end.error().str());
  if (*end) throw std::runtime_error("a second message in the file");
  return message;
}

/// Everything one conversion needs, with values that make the result the same every day.
struct Converting {
  TemporaryDirectory directory;
  converter::Envelope envelope;
  converter::AddressMap map;
  converter::TargetFormat target;
  converter::InboundSettings settings;
  std::size_t piece = 0;  ///< octets fed at a time; 0: all at once
  postoffice::FileSystem* files = &postoffice::FileSystem::posix();
  std::size_t memory = std::size_t{64} << 10;  ///< of a spool
  std::string content_key;

  Converting() {
    envelope.sender = "sender@example.com";
    envelope.recipients.push_back({"<alice@example.net>", "", {{"NET", "PO"}, "alice"}});
    envelope.arrival = 1763628000;  // 2025-11-20 08:40:00 UTC
    envelope.client_name = "mail.example.com";
    envelope.client_address = "192.0.2.1";
    envelope.protocol = "ESMTP";
    envelope.queue_id = "4F2A1C";
    target.name = {"NET", "PO"};
    target.arrival = {"2025-11-20", "08:40", "2025-11-20T08:40:00+00:00"};
    settings.hostname = "mx.example.net";
    map = *converter::AddressMap::parse("NET/PO  example.net\n", "ADDR_MAP.CFG");
  }

  converter::SpoolPlace place() const { return {files, directory.path(), memory}; }

  /// The octets of TO_NC.API.
  std::string convert(std::string_view message) {
    converter::RawMessage raw(place());
    const std::size_t step = piece == 0 ? std::max<std::size_t>(message.size(), 1) : piece;
    for (std::size_t at = 0; at < message.size(); at += step) {
      if (auto fed = raw.feed(message.substr(at, step)); !fed) {
        throw std::runtime_error(fed.error().sentence());
      }
    }
    auto converted = converter::convert_inbound(raw, envelope, map, target, settings, place());
    if (!converted) throw std::runtime_error(converted.error().sentence());
    content_key = converted->content_key;
    const Outcome chain =
        converter::write_chain(directory.path(), raw, envelope, *converted, settings,
                               target.line_end, postoffice::FileSystem::posix());
    if (!chain.is_delivered()) throw std::runtime_error(chain.sentence());
    return read_whole(directory / "TO_NC.API");
  }

  ReadMessage read(std::string_view message) { return read_api(convert(message)); }
};

}  // namespace smtpgate::test
