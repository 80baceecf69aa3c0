// TNEF for tests, octet by octet, as MS-OXTNEF says it; and a handler that remembers what a reader
// tells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "converter/tnef_format.h"
#include "converter/tnef_reader.h"
#include "unit/converter/conversion_fixture.h"

namespace smtpgate::test {

inline std::string number(std::uint64_t value, int octets) {
  std::string out;
  for (int i = 0; i < octets; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}
inline std::string padded(std::string octets) {
  octets.append((4 - octets.size() % 4) % 4, '\0');
  return octets;
}
inline std::string utf16(std::string_view ascii) {
  std::string out;
  for (const char c : ascii) out += number(static_cast<unsigned char>(c), 2);
  return out + number(0, 2);
}
inline std::string zero_terminated(std::string_view text) {
  return std::string(text) + '\0';
}

inline std::string tnef_attribute(int level, std::uint32_t id, std::string_view data,
                                  int checksum_error = 0) {
  std::uint32_t sum = 0;
  for (const char c : data) sum += static_cast<unsigned char>(c);
  return number(static_cast<std::uint64_t>(level), 1) + number(id, 4) + number(data.size(), 4) +
         std::string(data) + number(sum + static_cast<std::uint32_t>(checksum_error), 2);
}
inline std::string tnef_start(unsigned code_page = 1252) {
  return std::string(converter::tnef::signature) + number(1, 2) +
         tnef_attribute(1, 0x00089006, number(0x10000, 4)) +
         tnef_attribute(1, converter::tnef::attribute::oem_code_page, number(code_page, 8));
}

/// One property of a variable type.
inline std::string variable_property(std::uint16_t type, std::uint16_t id, std::string_view value) {
  return number(type, 2) + number(id, 2) + number(1, 4) + number(value.size(), 4) +
         padded(std::string(value));
}
inline std::string fixed_property(std::uint16_t type, std::uint16_t id, std::uint64_t value,
                                  int octets) {
  return number(type, 2) + number(id, 2) + padded(number(value, octets));
}
inline std::string named_tag(std::uint16_t type, std::string_view set, std::uint32_t id) {
  return number(type, 2) + number(0x8001, 2) + std::string(set) + number(0, 4) + number(id, 4);
}
inline std::string property_list(const std::vector<std::string>& properties) {
  std::string out = number(properties.size(), 4);
  for (const std::string& property : properties) out += property;
  return out;
}
inline std::string message_properties(const std::vector<std::string>& properties) {
  return tnef_attribute(1, converter::tnef::attribute::message_properties,
                        property_list(properties));
}
inline std::string attachment_properties(const std::vector<std::string>& properties) {
  return tnef_attribute(2, converter::tnef::attribute::attachment_properties,
                        property_list(properties));
}

inline std::string rendering() {
  return tnef_attribute(2, converter::tnef::attribute::attach_rendering, std::string(14, '\1'));
}
/// An attachment as old writers have it.
inline std::string simple_attachment(std::string_view title, std::string_view data) {
  return rendering() + tnef_attribute(2, converter::tnef::attribute::attach_data, data) +
         tnef_attribute(2, converter::tnef::attribute::attach_title, zero_terminated(title));
}
/// An attachment that is a message.
inline std::string message_attachment(std::string_view name, std::string_view tnef) {
  return rendering() +
         attachment_properties({variable_property(0x001E, 0x3001, zero_terminated(name)),
                                variable_property(0x000D, 0x3701,
                                                  std::string(converter::tnef::message_interface) +
                                                      std::string(tnef))});
}

/// Seconds since 1970 as FILETIME.
inline std::uint64_t filetime(std::int64_t seconds) {
  return static_cast<std::uint64_t>(seconds + 11'644'473'600) * 10'000'000;
}

/// RTF in the compressed form, all literals.
inline std::string compressed_rtf(std::string_view rtf) {
  std::string contents;
  for (std::size_t at = 0; at < rtf.size(); at += 8) {
    contents += '\0';
    contents += rtf.substr(at, 8);
  }
  if (rtf.size() % 8 == 0) contents += '\1';
  // The end is a reference to the place of writing.
  if (rtf.size() % 8 != 0) {
    const std::size_t last = (rtf.size() / 8) * 9;
    contents[last] = static_cast<char>(1U << (rtf.size() % 8));
  }
  const std::size_t place = (207 + rtf.size()) % 4096;
  contents += static_cast<char>(place >> 4U);
  contents += static_cast<char>((place & 0xFU) << 4U);
  std::uint32_t crc = 0;
  for (const char c : contents) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? crc >> 1U ^ 0xEDB88320U : crc >> 1U;
  }
  return number(contents.size() + 12, 4) + number(rtf.size(), 4) + "LZFu" + number(crc, 4) +
         contents;
}

struct ToldFile {
  converter::EmbeddedFile file;
  std::string octets;
  std::vector<std::string> odd;  ///< at its end

  bool operator==(const ToldFile& other) const {
    return file.name == other.file.name && file.content_type == other.file.content_type &&
           file.content_id == other.file.content_id && file.odd == other.file.odd &&
           octets == other.octets && odd == other.odd;
  }
};

class RememberedFiles : public converter::EmbeddedFileHandler {
 public:
  void begin_file(const converter::EmbeddedFile& file) override { files.push_back({file, {}, {}}); }
  void file_octets(std::string_view octets) override { files.back().octets += octets; }
  void end_file(const std::vector<std::string>& odd) override { files.back().odd = odd; }
  std::vector<ToldFile> files;
};

/// A TNEF read whole: its files, its messages, its marks.
struct ReadTnef : converter::TnefMessageHandler {
  struct Message {
    unsigned depth;
    std::string name, subject, text, text_charset, html, html_charset, rtf;
    std::optional<converter::Meeting> meeting;

    bool operator==(const Message& other) const {
      return depth == other.depth && name == other.name && subject == other.subject &&
             text == other.text && text_charset == other.text_charset && html == other.html &&
             html_charset == other.html_charset && rtf == other.rtf &&
             meeting.has_value() == other.meeting.has_value() &&
             (!meeting ||
              converter::meeting_lines(*meeting) == converter::meeting_lines(*other.meeting));
    }
  };

  void message(converter::TnefMessage& told) override {
    const auto octets = [](converter::Spool& spool) {
      std::string all;
      postoffice::StringSink sink(all);
      if (!spool.copy_to(sink)) throw std::runtime_error("spool");
      return all;
    };
    messages.push_back({told.depth, told.name, told.subject, octets(told.text), told.text_charset,
                        octets(told.html), told.html_charset, octets(told.rtf), told.meeting});
  }

  explicit ReadTnef(std::string_view tnef, std::size_t piece = std::string_view::npos,
                    const converter::ContainerLimits& limits = {}) {
    const converter::SpoolPlace place{&postoffice::FileSystem::posix(),
                                      std::filesystem::temp_directory_path().string(), 1000};
    converter::LimitedFiles limited(remembered, limits, "tnef-limit");
    converter::TnefReader reader(place, limits, limited, *this);
    while (!tnef.empty()) {
      const std::vector<char> copy(
          tnef.begin(), tnef.begin() + static_cast<std::ptrdiff_t>(std::min(piece, tnef.size())));
      reader.feed({copy.data(), copy.size()});
      tnef.remove_prefix(copy.size());
    }
    reader.finish();
    if (reader.error()) throw std::runtime_error(reader.error()->sentence());
    is_tnef = reader.is_tnef();
    marks = reader.marks();
  }

  std::vector<ToldFile>& files() { return remembered.files; }

  RememberedFiles remembered;
  std::vector<Message> messages;
  std::vector<std::string> marks;
  bool is_tnef = false;
};

}  // namespace smtpgate::test
