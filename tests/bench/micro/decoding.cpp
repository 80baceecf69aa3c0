// Workloads: the decoders, one each, over an input as large as a page or a photograph.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/micro/workloads.h"
#include "converter/base64_encoder.h"
#include "converter/compressed_rtf.h"
#include "converter/encoded_word.h"
#include "converter/html_to_text.h"
#include "converter/rtf_to_text.h"
#include "converter/text_file_scanner.h"
#include "converter/transfer_decoder.h"
#include "postoffice/character_set.h"

namespace smtpgate::bench {

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "micro_benchmarks: %s does not work\n", what);
  std::exit(1);
}

std::string noise(std::size_t size, std::uint32_t seed) {
  std::string octets;
  octets.reserve(size);
  std::uint32_t state = seed;
  while (octets.size() < size) {
    state = state * 1'664'525U + 1'013'904'223U;
    octets += static_cast<char>(state >> 24U);
  }
  return octets;
}

std::string words(std::size_t size) {
  std::string text;
  for (int line = 0; text.size() < size; ++line) {
    text +=
        std::to_string(line) + " the order of last week came with two chairs less than paid\r\n";
  }
  return text;
}

std::string base64_lines(const std::string& octets) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string lines;
  for (std::size_t at = 0; at + 57 <= octets.size(); at += 57) {
    for (std::size_t i = at; i < at + 57; i += 3) {
      const auto octet = [&](std::size_t place) {
        return static_cast<unsigned>(static_cast<unsigned char>(octets[place]));
      };
      const unsigned group = octet(i) << 16U | octet(i + 1) << 8U | octet(i + 2);
      for (const unsigned shift : {18U, 12U, 6U, 0U}) lines += alphabet[group >> shift & 63U];
    }
    lines += "\r\n";
  }
  return lines;
}

namespace {

using namespace converter;

constexpr std::size_t piece = 65'535;  // the milter protocol's

Workload transfer(std::string name, TransferEncoding encoding, std::string input,
                  std::size_t least_output) {
  const std::uint64_t octets = input.size();
  return {name, octets, [name, encoding, input = std::move(input), least_output] {
            const auto decoder = make_transfer_decoder(encoding, "\n");
            std::string out;
            for (std::string_view rest = input; !rest.empty();
                 rest.remove_prefix(std::min(piece, rest.size()))) {
              decoder->feed(rest.substr(0, piece), out);
            }
            decoder->finish(out);
            demand(out.size() >= least_output && decoder->errors() == 0, name.c_str());
          }};
}

std::string quoted_printable() {
  std::string text;
  while (text.size() < 100'000) {
    text +=
        "Gr=C3=BC=C3=9Fe aus M=C3=BCnchen, and a line that is so long that it must be=\r\n cut\r\n";
  }
  return text;
}

std::string uuencoded() {
  std::string text = "begin 644 plan.bin\r\n";
  for (int line = 0; line < 1'600; ++line) {
    text += 'M';
    for (int i = 0; i < 60; ++i) text += static_cast<char>('!' + (line + i * 7) % 64);
    text += "\r\n";
  }
  return text + "`\r\nend\r\n";
}

std::string yenc() {
  constexpr int lines = 780;
  std::string text = "=ybegin line=128 size=" + std::to_string(lines * 128) + " name=plan.bin\r\n";
  for (int line = 0; line < lines; ++line) {
    for (int i = 0; i < 128; ++i) text += static_cast<char>('a' + (line + i) % 20);
    text += "\r\n";
  }
  return text + "=yend size=" + std::to_string(lines * 128) + "\r\n";
}

class Counting : public EmbeddedFileHandler {
 public:
  void begin_file(const EmbeddedFile&) override {}
  void file_octets(std::string_view octets) override { found += octets.size(); }
  void end_file(const std::vector<std::string>&) override {}
  std::size_t found = 0;
};

Workload in_text(std::string name, std::string input, std::size_t least) {
  const std::uint64_t octets = input.size();
  return {name, octets, [name, input = std::move(input), least] {
            Counting files;
            TextFileScanner scanner({}, files);
            for (std::string_view rest = input; !rest.empty();
                 rest.remove_prefix(std::min(piece, rest.size()))) {
              scanner.feed(rest.substr(0, piece));
            }
            scanner.finish();
            demand(least == 0 ? files.found == 0 : files.found >= least, name.c_str());
          }};
}

Workload html() {
  std::string page = "<html><head><style>p { color: red }</style></head><body>";
  while (page.size() < 100'000) {
    page +=
        "<p>The quick &amp; brown <b>fox</b>, <a href=\"https://example.com/\">see there</a></p>"
        "<table><tr><td>one</td><td>two</td></tr></table>\n";
  }
  const std::uint64_t octets = page.size();
  return {"html-to-text", octets, [page = std::move(page)] {
            HtmlToText converter;
            std::string text;
            converter.feed(page, text);
            converter.finish(text);
            demand(text.size() > page.size() / 5, "html-to-text");
          }};
}

Workload rtf() {
  std::string source = "{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Arial;}}";
  while (source.size() < 100'000)
    source += "\\pard\\b Two chairs\\b0  less than were paid\\par\r\n";
  source += "}";
  const std::uint64_t octets = source.size();
  return {"rtf-to-text", octets, [source = std::move(source)] {
            RtfToText converter;
            std::string text;
            converter.feed(source, text);
            converter.finish(text);
            demand(text.size() > source.size() / 3, "rtf-to-text");
          }};
}

Workload characters(std::string name, std::string_view set, std::string input) {
  const std::uint64_t octets = input.size();
  return {name, octets, [name, set = std::string(set), input = std::move(input)] {
            auto decoder = postoffice::CharacterDecoder::open(set);
            demand(decoder.has_value(), name.c_str());
            std::string out;
            decoder->feed(input, out);
            decoder->finish(out);
            demand(out.size() >= input.size(), name.c_str());
          }};
}

std::string german_latin1() {
  std::string text;
  while (text.size() < 100'000)
    text +=
        "Gr\xFC\xDF"
        "e aus M\xFCnchen und K\xF6ln\r\n";
  return text;
}

Workload header_text() {
  std::string value;
  for (int i = 0; i < 100; ++i)
    value += "=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?b?TfxuY2hlbg==?= ";
  const std::uint64_t octets = value.size();
  return {"encoded-words", octets, [value = std::move(value)] {
            demand(decode_header_text(value).text.size() > value.size() / 5, "encoded-words");
          }};
}

}  // namespace

std::vector<WorkloadMaker> decoding_workloads() {
  return {
      {"base64",
       [] {
         return transfer("base64", TransferEncoding::base64, base64_lines(noise(75'000, 1)),
                         74'000);
       }},
      {"quoted-printable",
       [] {
         return transfer("quoted-printable", TransferEncoding::quoted_printable, quoted_printable(),
                         50'000);
       }},
      {"eight-bit-lines",
       [] {
         return transfer("eight-bit-lines", TransferEncoding::eight_bit, words(100'000), 90'000);
       }},
      {"uuencode-in-text", [] { return in_text("uuencode-in-text", uuencoded(), 70'000); }},
      {"yenc-in-text", [] { return in_text("yenc-in-text", yenc(), 90'000); }},
      {"text-without-files", [] { return in_text("text-without-files", words(100'000), 0); }},
      {"html-to-text", html},
      {"rtf-to-text", rtf},
      {"charset-latin1",
       [] { return characters("charset-latin1", "ISO-8859-1", german_latin1()); }},
      {"charset-utf8", [] { return characters("charset-utf8", "UTF-8", words(100'000)); }},
      {"encoded-words", header_text},
  };
}

}  // namespace smtpgate::bench
