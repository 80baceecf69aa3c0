// AttachmentContents: stored octets and decoded ranges of the raw message come out in order, and a
// range that gives another size than promised is an error. Through convert_inbound(): attachments
// need no work file, and one raw message serves several postoffices.
#include <cerrno>
#include <string>

#include "converter/attachment_contents.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"

using namespace smtpgate::converter;
using smtpgate::postoffice::FileResult;
using smtpgate::postoffice::FileSystem;
using smtpgate::postoffice::LineEnd;
using smtpgate::test::Converting;
using smtpgate::test::read_api;
using smtpgate::test::read_whole;
using smtpgate::test::ReadMessage;
using smtpgate::test::TemporaryDirectory;

namespace {

/// A raw message of these octets, in memory or in a file.
Spool spool_of(std::string_view octets, const SpoolPlace& place) {
  Spool spool(place);
  REQUIRE(spool.write(octets));
  return spool;
}

FileResult<void> copy(AttachmentContents& contents, Spool& raw, const std::string& path) {
  [[maybe_unused]] const auto removed = FileSystem::posix().remove(path);
  auto file = FileSystem::posix().create(path, 0600);
  REQUIRE(file);
  return contents.copy_to(raw, **file);
}

std::string with_large_base64(std::string_view subtype, std::size_t lines) {
  std::string message = "From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/" +
                        std::string(subtype) +
                        "; boundary=b\r\n\r\n"
                        "--b\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"
                        "--i\r\nContent-Type: text/plain\r\n\r\ntext\r\n"
                        "--i\r\nContent-Type: application/x; name=a\r\n"
                        "Content-Transfer-Encoding: base64\r\n\r\n";
  for (std::size_t i = 0; i < lines; ++i) message += std::string(76, 'Q') + "\r\n";
  return message +
         "--i\r\nContent-Type: text/csv; name=b\r\n\r\n1,2\r\n3,4\r\n"
         "--i\r\nContent-Type: text/csv; name=c\r\nContent-Transfer-Encoding: quoted-printable\r\n"
         "\r\n=31,2=\r\n,3\r\n4\r\n"
         "--i--\r\n--b\r\nContent-Type: text/x-y; name=d\r\n\r\nd\r\n--b--\r\nleft over\r\n";
}

}  // namespace

TEST_CASE("stored octets and ranges of every encoding come out in order", "[contents]") {
  const TemporaryDirectory directory;
  const std::string octets = "0123SGVs\r\nbG8=one\r\ntwo=\r\n=20\r\nrest";
  for (const std::size_t memory : {std::size_t{4}, std::size_t{1000}}) {
    const SpoolPlace place{&FileSystem::posix(), directory.path(), memory};
    Spool raw = spool_of(octets, place);
    AttachmentContents contents(place);
    REQUIRE(contents.write("stored"));
    contents.add_range({4, 10, TransferEncoding::base64, LineEnd::lf}, 5);
    contents.add_range({14, 16, TransferEncoding::quoted_printable, LineEnd::lf}, 9);
    REQUIRE(contents.write("again"));
    REQUIRE(contents.write(" and again"));
    contents.add_range({14, 6, TransferEncoding::seven_bit, LineEnd::cr}, 5);
    contents.add_range({14, 7, TransferEncoding::eight_bit, LineEnd::crlf}, 7);
    contents.add_range({0, 0, TransferEncoding::base64, LineEnd::lf}, 0);
    contents.add_range({octets.size() - 4, 4}, 4);
    const std::string wanted = "storedHelloone\ntwo \nagain and againone\rtone\r\ntwrest";
    for (int time = 0; time < 2; ++time) {
      REQUIRE(copy(contents, raw, directory / "out"));
      CHECK(read_whole(directory / "out") == wanted);
    }
    CHECK(contents.size() == wanted.size());
    contents.clear();
    REQUIRE(copy(contents, raw, directory / "out"));
    CHECK(read_whole(directory / "out").empty());
  }
}

TEST_CASE("a range that does not give its size again is an error, whatever its encoding",
          "[contents]") {
  const TemporaryDirectory directory;
  const SpoolPlace place{&FileSystem::posix(), directory.path(), 1000};
  Spool raw = spool_of("SGVsbG8=", place);
  const auto error_of = [&](const EncodedRange& range, std::uint64_t size) {
    AttachmentContents contents(place);
    contents.add_range(range, size);
    auto copied = copy(contents, raw, directory / "out");
    return copied ? 0 : copied.error().code;
  };
  for (const TransferEncoding encoding :
       {TransferEncoding::base64, TransferEncoding::binary, TransferEncoding::seven_bit}) {
    const std::uint64_t size = encoding == TransferEncoding::base64 ? 5 : 8;
    const EncodedRange range{0, 8, encoding, LineEnd::lf};
    CHECK(error_of(range, size) == 0);
    CHECK(error_of(range, size - 1) == EIO);
    CHECK(error_of(range, size + 1) == EIO);
    CHECK(error_of({1, 8, encoding, LineEnd::lf}, size) == EIO);
    CHECK(error_of({9, 0, encoding, LineEnd::lf}, 0) == EIO);
  }
}

TEST_CASE("attachments of any size need no work file of their own", "[contents]") {
  const TemporaryDirectory directory;
  Converting converting;
  SpoolPlace nowhere = converting.place();
  nowhere.directory = directory / "missing";
  RawMessage raw(nowhere);
  REQUIRE(keep_raw_in_chain(directory.path(), raw, converting.envelope, converting.settings,
                            FileSystem::posix())
              .is_delivered());
  REQUIRE(raw.feed(with_large_base64("signed", 100'000)));
  auto converted = convert_inbound(raw, converting.envelope, converting.map, converting.target,
                                   converting.settings, nowhere);
  REQUIRE(converted);
  REQUIRE(write_chain(directory.path(), raw, converting.envelope, *converted, converting.settings,
                      LineEnd::lf, FileSystem::posix())
              .is_delivered());
  const ReadMessage message = read_api(read_whole(directory / "TO_NC.API"));
  REQUIRE(message.contents.size() == 6);
  std::string decoded;
  for (std::size_t i = 0; i < 100'000 * 19; ++i) decoded += "A\x04\x10";
  CHECK(message.contents[0] == decoded);
  CHECK(message.contents[1] == "1,2\n3,4");
  CHECK(message.contents[2] == "1,2,3\n4");
  CHECK(message.contents[3].starts_with("Content-Type: multipart/mixed; boundary=i\r\n"));
  CHECK(message.contents[3].ends_with("\r\n--i--"));
  CHECK(message.contents[4] == "d");
  CHECK(message.contents[5] == "left over\r\n");
}

TEST_CASE("one raw message is converted for postoffices of different line ends", "[contents]") {
  Converting converting;
  const std::string octets = with_large_base64("mixed", 2000);
  RawMessage raw(converting.place());
  REQUIRE(raw.feed(octets));
  TargetFormat other = converting.target;
  other.line_end = LineEnd::crlf;
  auto first = convert_inbound(raw, converting.envelope, converting.map, converting.target,
                               converting.settings, converting.place());
  auto second = convert_inbound(raw, converting.envelope, converting.map, other,
                                converting.settings, converting.place());
  REQUIRE(first);
  REQUIRE(second);
  const auto written = [&](ConvertedMessage& converted, LineEnd line_end) {
    const std::string path = converting.directory / "out";
    [[maybe_unused]] const auto removed = FileSystem::posix().remove(path);
    auto file = FileSystem::posix().create(path, 0600);
    REQUIRE(file);
    REQUIRE(converted.write_to(raw, **file, line_end));
    return read_whole(path);
  };
  const ReadMessage message = read_api(written(*first, LineEnd::lf));
  CHECK(message.contents[1] == "1,2\n3,4");
  CHECK(message.contents[2] == "1,2,3\n4");
  const std::string dos = written(*second, LineEnd::crlf);
  CHECK(dos.find("1,2\r\n3,4") != std::string::npos);
  CHECK(dos.find("1,2,3\r\n4") != std::string::npos);
  CHECK(message.contents[0].size() == 2000 * 57);
}
