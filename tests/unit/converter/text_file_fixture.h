// What tests of files in texts share: a handler that remembers, the scanner fed in pieces of any
// size, and encoders for the kinds that the converter only reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "converter/crc32.h"
#include "converter/embedded_files.h"
#include "converter/text_file_scanner.h"
#include "converter/uuencode_encoder.h"

namespace smtpgate::test {

struct FoundFile {
  std::string name;
  std::string octets;
  std::vector<std::string> odd;

  bool operator==(const FoundFile&) const = default;
};

/// Aborts a test by an exception if the order of calls is wrong.
class FileRecorder : public converter::EmbeddedFileHandler {
 public:
  void begin_file(const converter::EmbeddedFile& file) override {
    if (open_) throw std::logic_error("a file inside a file");
    open_ = true;
    files.push_back({file.name, "", file.odd});
    content_types.push_back(file.content_type);
  }
  void file_octets(std::string_view octets) override {
    if (!open_) throw std::logic_error("octets of no file");
    files.back().octets += octets;
  }
  void end_file(const std::vector<std::string>& odd) override {
    if (!open_) throw std::logic_error("the end of no file");
    open_ = false;
    files.back().odd.insert(files.back().odd.end(), odd.begin(), odd.end());
  }
  bool is_open() const { return open_; }

  std::vector<FoundFile> files;
  std::vector<std::string> content_types;

 private:
  bool open_ = false;
};

struct Scanned {
  std::string text;
  std::vector<FoundFile> files;
  bool limit_reached = false;

  bool operator==(const Scanned&) const = default;
};

inline Scanned scan(std::string_view input, std::size_t piece = std::string_view::npos,
                    const converter::TextFileRules& rules = {}) {
  FileRecorder recorder;
  converter::TextFileScanner scanner(rules, recorder);
  Scanned result;
  for (std::size_t at = 0; at < input.size();) {
    const std::string_view next = input.substr(at, piece);
    const std::vector<char> copy(next.begin(), next.end());  // its end is guarded
    result.text += scanner.feed({copy.data(), copy.size()});
    at += next.size();
  }
  result.text += scanner.finish();
  if (recorder.is_open()) throw std::logic_error("a file was not ended");
  result.files = recorder.files;
  result.limit_reached = scanner.limit_reached();
  return result;
}

inline std::string uuencoded(std::string_view name, std::string_view octets) {
  std::string out = converter::UuencodeEncoder::begin_line(name);
  converter::UuencodeEncoder encoder;
  encoder.feed(octets, out);
  encoder.finish(out);
  return out;
}

/// Lines of `line` octets in the alphabet of xxencode.
inline std::string xxencoded(std::string_view name, std::string_view octets,
                             std::size_t line = 45) {
  constexpr std::string_view letters =
      "+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out = "begin 644 " + std::string(name) + "\r\n";
  for (std::size_t at = 0; at < octets.size(); at += line) {
    const std::string_view data = octets.substr(at, line);
    out += letters[data.size()];
    const auto octet = [&](std::size_t i) {
      return i < data.size() ? static_cast<unsigned char>(data[i]) : 0U;
    };
    for (std::size_t i = 0; i < data.size(); i += 3) {
      const unsigned bits = octet(i) << 16U | octet(i + 1) << 8U | octet(i + 2);
      for (const unsigned shift : {18U, 12U, 6U, 0U}) out += letters[bits >> shift & 63U];
    }
    out += "\r\n";
  }
  return out + "+\r\nend\r\n";
}

inline std::string yencoded_lines(std::string_view octets, std::size_t line) {
  std::string out;
  std::size_t column = 0;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(static_cast<unsigned char>(c) + 42U);
    const bool is_critical = octet == 0 || octet == '\r' || octet == '\n' || octet == '=' ||
                             (column == 0 && octet == '.');
    if (is_critical) out += '=';
    out += static_cast<char>(is_critical ? static_cast<unsigned char>(octet + 64U) : octet);
    column += is_critical ? 2 : 1;
    if (column >= line) {
      out += "\r\n";
      column = 0;
    }
  }
  return column > 0 ? out + "\r\n" : out;
}

inline std::string hexadecimal(std::uint32_t number) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", number);
  return text;
}

inline std::string yencoded(std::string_view name, std::string_view octets,
                            std::size_t line = 128) {
  const std::string size = std::to_string(octets.size());
  return "=ybegin line=" + std::to_string(line) + " size=" + size + " name=" + std::string(name) +
         "\r\n" + yencoded_lines(octets, line) + "=yend size=" + size +
         " crc32=" + hexadecimal(converter::crc32(0, octets)) + "\r\n";
}

class BinhexEncoder {
 public:
  static std::string encode(std::string_view name, std::string_view data,
                            std::string_view resource) {
    std::string header(1, static_cast<char>(name.size()));
    header += name;
    header += std::string("\0TEXTttxt\0\0", 11);
    header += number(data.size(), 4) + number(resource.size(), 4);
    std::string octets = with_sum(header) + with_sum(data) + with_sum(resource);
    std::string lines = "(This file must be converted with BinHex 4.0)\r\n\r\n:";
    std::size_t column = 1;
    unsigned bits = 0;
    unsigned count = 0;
    const auto put = [&](unsigned sextet) {
      constexpr std::string_view letters =
          "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
      if (column++ % 64 == 0) lines += "\r\n";
      lines += letters[sextet];
    };
    for (const char c : runs(octets)) {
      bits = bits << 8U | static_cast<unsigned char>(c);
      for (count += 8; count >= 6; count -= 6) put(bits >> (count - 6) & 63U);
    }
    if (count > 0) put(bits << (6 - count) & 63U);
    return lines + ":\r\n";
  }

 private:
  static std::string number(std::size_t value, unsigned octets) {
    std::string out;
    while (octets-- > 0) out += static_cast<char>(value >> 8U * octets);
    return out;
  }
  /// By bits, not by the table that is tested.
  static std::string with_sum(std::string_view octets) {
    unsigned crc = 0;
    for (const char c : std::string(octets) + std::string(2, '\0')) {
      for (int bit = 7; bit >= 0; --bit) {
        const unsigned out = crc & 0x8000U;
        crc = (crc << 1U | (static_cast<unsigned char>(c) >> bit & 1U)) & 0xFFFFU;
        if (out != 0) crc ^= 0x1021U;
      }
    }
    return std::string(octets) + number(crc, 2);
  }
  static std::string runs(std::string_view octets) {
    std::string out;
    for (std::size_t at = 0; at < octets.size();) {
      std::size_t length = 1;
      while (length < 255 && at + length < octets.size() && octets[at + length] == octets[at]) {
        ++length;
      }
      out += octets[at];
      if (octets[at] == '\x90') out += '\0';
      if (length > 3) {
        out += '\x90';
        out += static_cast<char>(length);
        at += length;
      } else {
        ++at;
      }
    }
    return out;
  }
};

/// Octets of every kind: noise, runs, text, and what is special to one of the encodings.
inline std::string sample_octets(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out;
  while (out.size() < size) {
    switch (random() % 4) {
      case 0:
        out.append(random() % 300, static_cast<char>(random()));
        break;
      case 1:
        out += "\x90\x90\0=.\r\n begin 644 x\r\nend\r\n";
        break;
      default:
        for (auto i = random() % 100; i > 0; --i) out += static_cast<char>(random());
    }
  }
  out.resize(size);
  return out;
}

}  // namespace smtpgate::test
