// What is packed is what is unpacked, whatever it is and wherever it is cut: files in texts,
// compressed RTF, TNEF and AppleSingle. The encoders are written after the formats' documents, for
// these tests.
#include <algorithm>
#include <string>

#include "converter/base64_encoder.h"
#include "converter/compressed_rtf.h"
#include "unit/converter/rtf_compressor.h"
#include "unit/converter/text_file_fixture.h"
#include "unit/converter/tnef_builder.h"
#include "unit/property.h"

using namespace smtpgate::converter;
using namespace smtpgate::test;

namespace {

Scanned scan_cut(const std::string& input) {
  FileRecorder recorder;
  TextFileScanner scanner({}, recorder);
  Scanned result;
  for (const std::string& piece : cut_anywhere(input)) result.text += scanner.feed(piece);
  result.text += scanner.finish();
  result.files = recorder.files;
  return result;
}

rc::Gen<std::string> prose() {
  return joined_from({"Hello,\r\n", "\r\n", "begin it now\r\n", "end\r\n", "> quoted\r\n",
                      "-- \r\n", "M\r\n", "the BEGIN and the END\r\n", "=y\r\n", "last\n"});
}

using BlockOf = std::string (*)(std::string_view octets);

std::string big_endian(std::uint64_t value, int octets) {
  std::string out = number(value, octets);
  std::reverse(out.begin(), out.end());
  return out;
}

std::string apple_single(const std::vector<std::pair<std::uint32_t, std::string>>& entries) {
  std::string head = big_endian(0x00051600, 4) + big_endian(0x00020000, 4) + std::string(16, '\0') +
                     big_endian(entries.size(), 2);
  std::string contents;
  const std::size_t start = head.size() + 12 * entries.size();
  for (const auto& [id, octets] : entries) {
    head +=
        big_endian(id, 4) + big_endian(start + contents.size(), 4) + big_endian(octets.size(), 4);
    contents += octets;
  }
  return head + contents;
}

}  // namespace

TEST_CASE("files written into a text come out of it, and the text stays", "[property]") {
  const std::vector<BlockOf> kinds = {
      [](std::string_view octets) { return uuencoded("x", octets); },
      [](std::string_view octets) { return xxencoded("x", octets); },
      [](std::string_view octets) { return yencoded("x", octets); },
      [](std::string_view octets) { return BinhexEncoder::encode("x", octets, ""); },
      [](std::string_view octets) {
        std::string out = "begin-base64 644 x\r\n";
        Base64Encoder encoder;
        encoder.feed(octets, out);
        encoder.finish(out);
        return out + "====\r\n";
      }};
  check_property(300, 200, [&] {
    std::string input = *prose();
    std::string text = input;
    std::vector<FoundFile> wanted;
    const int files = *rc::gen::inRange(1, 4);
    for (int i = 0; i < files; ++i) {
      // yEnc has no form for a file of nothing.
      const std::string contents = *rc::gen::nonEmpty(octets());
      input += (*rc::gen::elementOf(kinds))(contents);
      const std::string between = *prose();
      input += between;
      text += between;
      wanted.push_back({"x", contents, {}});
    }
    const Scanned found = scan_cut(input);
    RC_ASSERT(found.text == text);
    RC_ASSERT(found.files == wanted);
  });
}

TEST_CASE("compressed RTF of any octets gives them back", "[property]") {
  check_property(200, 400, [] {
    const std::string wanted =
        *rc::gen::oneOf(octets(), joined_from({"{\\rtf1\\ansi", "\\par \\pard\\plain\\f0\\fs20",
                                               "hello ", "}", "\n", std::string(700, '-')}));
    const std::string packed = compress_rtf(wanted);
    CompressedRtfDecoder decoder;
    std::string found;
    for (const std::string& piece : cut_anywhere(packed)) decoder.feed(piece, found);
    decoder.finish();
    RC_ASSERT(!decoder.is_damaged());
    RC_ASSERT(!decoder.is_checksum_wrong());
    RC_ASSERT(found == wanted);
  });
}

TEST_CASE("a TNEF's attachments are what was put into it", "[property]") {
  check_property(150, 200, [] {
    const auto wanted = *rc::gen::container<std::vector<std::string>>(octets());
    std::string tnef = tnef_start();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      tnef += simple_attachment("f" + std::to_string(i), wanted[i]);
    }
    ReadTnef found(tnef, *rc::gen::inRange<std::size_t>(1, 500));
    RC_ASSERT(found.is_tnef);
    RC_ASSERT(found.marks.empty());
    RC_ASSERT(found.files().size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      RC_ASSERT(found.files()[i].file.name == "f" + std::to_string(i));
      RC_ASSERT(found.files()[i].octets == wanted[i]);
      RC_ASSERT(found.files()[i].odd.empty());
    }
  });
}

TEST_CASE("an AppleSingle's forks are what was put into it, in any order", "[property]") {
  check_property(60, 200, [] {
    const std::string data = *octets();
    const std::string resource = *rc::gen::nonEmpty(octets());
    std::vector<std::pair<std::uint32_t, std::string>> entries = {
        {1, data}, {2, resource}, {3, "name"}, {9, std::string(32, 'i')}};
    const auto turn = *rc::gen::inRange<std::ptrdiff_t>(0, 4);
    std::rotate(entries.begin(), entries.begin() + turn, entries.end());
    std::string message =
        "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: application/applefile\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n";
    const std::string container = apple_single(entries);
    Base64Encoder encoder;
    encoder.feed(container, message);
    encoder.finish(message);
    Converting converting;
    const ReadMessage found = converting.read(message);
    RC_ASSERT(found.contents == (std::vector<std::string>{container, data, resource}));
  });
}
