// Workloads: the MIME parser, the header's parsers, the content key, and whole messages converted.
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bench/micro/workloads.h"
#include "converter/address_list.h"
#include "converter/content_key.h"
#include "converter/inbound.h"
#include "converter/mail_date.h"
#include "converter/mime_parser.h"
#include "postoffice/byte_stream.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_writer.h"

namespace smtpgate::bench {

namespace {

constexpr std::size_t piece = 65'535;  // the milter protocol's

const std::string head =
    "From: Bob <bob@example.com>\r\nTo: Alice <alice@example.net>\r\nSubject: An order\r\n"
    "Date: Sun, 22 Nov 2026 10:00:00 +0100\r\nMessage-ID: <one@example.com>\r\nMIME-Version: "
    "1.0\r\n";

std::string text_message() {
  return head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words(8'000);
}

std::string message_with_attachments() {
  std::string message = head +
                        "Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n\r\n" +
                        words(2'000);
  for (const std::uint32_t number : {1U, 2U}) {
    message += "--=_b\r\nContent-Type: application/pdf; name=plan" + std::to_string(number) +
               ".pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
               base64_lines(noise(36'000, number));
  }
  return message + "--=_b--\r\n";
}

class Counting : public converter::EntityHandler {
 public:
  void begin_entity(const converter::EntityStart&) override {}
  void body(std::string_view octets) override { seen += octets.size(); }
  void between(std::string_view, bool) override {}
  void end_entity(bool) override {}
  bool wants_raw(unsigned) override { return false; }
  void raw(std::string_view) override {}
  std::size_t seen = 0;
};

Workload parse(std::string name, std::string message) {
  const std::uint64_t octets = message.size();
  return {name, octets, [name, message = std::move(message)] {
            Counting handler;
            converter::MimeParser parser(handler, {});
            for (std::string_view rest = message; !rest.empty();
                 rest.remove_prefix(std::min(piece, rest.size()))) {
              parser.feed(rest.substr(0, piece));
            }
            parser.finish();
            demand(handler.seen > message.size() / 2, name.c_str());
          }};
}

/// As the daemon does it, without the disk: kept in memory, converted, one MMFF file written.
Workload convert(std::string name, std::string message) {
  const std::uint64_t octets = message.size();
  const auto memory = std::make_shared<converter::SpoolMemory>(std::size_t{16} << 20);
  return {name, octets, [name, message = std::move(message), memory] {
            postoffice::FileSystem& files = postoffice::FileSystem::posix();
            const converter::SpoolPlace place =
                converter::with_shared_memory({&files, "/tmp"}, memory);
            converter::RawMessage raw(place);
            for (std::string_view rest = message; !rest.empty();
                 rest.remove_prefix(std::min(piece, rest.size()))) {
              demand(raw.feed(rest.substr(0, piece)).has_value(), name.c_str());
            }
            converter::Envelope envelope;
            envelope.sender = "bob@example.com";
            converter::TargetFormat target;
            target.name = {"NET", "PO"};
            auto converted = converter::convert_inbound(raw, envelope, {}, target, {}, place);
            demand(converted.has_value(), name.c_str());
            auto file = files.create_unnamed("/dev/shm");
            demand(file && converted->write_to(raw, **file, postoffice::LineEnd::lf).has_value(),
                   name.c_str());
          }};
}

Workload key() {
  std::string body = words(100'000);
  const std::uint64_t octets = body.size();
  return {"content-key", octets, [body = std::move(body)] {
            converter::ContentKey content_key;
            content_key.add_sender("bob@example.com");
            content_key.add_header({});
            content_key.add_body(body);
            demand(content_key.finish().size() == 64, "content-key");
          }};
}

Workload addresses() {
  std::string list;
  for (int i = 0; i < 100; ++i) {
    list += "\"Berg, Anna\" <anna" + std::to_string(i) + "@example.com> (home), ";
  }
  const std::uint64_t octets = list.size();
  return {"address-list", octets, [list = std::move(list)] {
            demand(converter::parse_address_list(list, 1'000).addresses.size() == 100,
                   "address-list");
          }};
}

Workload dates() {
  return {"mail-date", 31, [] {
            demand(converter::parse_mail_date("Sun, 22 Nov 2026 10:00:00 +0100").has_value(),
                   "mail-date");
          }};
}

postoffice::MessageHeader mmff_header(std::size_t contents) {
  postoffice::MessageHeader header;
  header.from = postoffice::TypedAddress::parse("CSI:NET/PO/bob");
  header.subject = "Two plans: 100^ of it";
  for (int i = 0; i < 20; ++i)
    header.to.push_back(postoffice::TypedAddress::parse("CSI:NET/PO/box" + std::to_string(i)));
  for (int i = 0; i < 10; ++i) {
    header.add_field(postoffice::ext::trace, "X-Number-" + std::to_string(i) + ": a value");
  }
  header.text_size = contents;
  return header;
}

std::string mmff_file() {
  const std::string contents = words(100'000);
  std::string file;
  postoffice::StringSink sink(file);
  postoffice::Writer writer(sink, postoffice::LineEnd::lf);
  demand(writer.begin(mmff_header(contents.size())) && writer.write(contents) && writer.end(),
         "mmff-write");
  return file;
}

Workload mmff_write() {
  return {"mmff-write", 100'000,
          [contents = words(100'000), header = mmff_header(words(100'000).size())] {
            std::string file;
            postoffice::StringSink sink(file);
            postoffice::Writer writer(sink, postoffice::LineEnd::lf);
            demand(writer.begin(header) && writer.write(contents) && writer.end(), "mmff-write");
          }};
}

Workload mmff_read() {
  std::string file = mmff_file();
  const std::uint64_t octets = file.size();
  return {"mmff-read", octets, [file = std::move(file)] {
            postoffice::MemorySource source(file);
            postoffice::Reader reader(source);
            auto header = reader.next();
            demand(header && header->has_value(), "mmff-read");
            char buffer[65'536];
            std::size_t seen = 0;
            for (;;) {
              const auto count = reader.read(buffer);
              demand(count.has_value(), "mmff-read");
              if (*count == 0) break;
              seen += *count;
            }
            demand(seen > 90'000, "mmff-read");
          }};
}

}  // namespace

std::vector<WorkloadMaker> reading_workloads() {
  return {
      {"parse-8-KB", [] { return parse("parse-8-KB", text_message()); }},
      {"parse-100-KB", [] { return parse("parse-100-KB", message_with_attachments()); }},
      {"convert-8-KB", [] { return convert("convert-8-KB", text_message()); }},
      {"convert-100-KB", [] { return convert("convert-100-KB", message_with_attachments()); }},
      {"content-key", key},
      {"address-list", addresses},
      {"mail-date", dates},
      {"mmff-write", mmff_write},
      {"mmff-read", mmff_read},
  };
}

}  // namespace smtpgate::bench
