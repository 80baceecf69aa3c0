// The chain files of the original (Q115493), for people who want to see each step: SMTP_IN.ENV,
// SMTP_IN.822, API_OUT.TMP, TO_NC.API. docs/chain.md says what is in each.
#include <cerrno>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "converter/inbound.h"
#include "converter/mail_date.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

using postoffice::File;
using postoffice::FileResult;
using postoffice::FileSystem;

namespace {

// What stands in a Received line comes from strangers: no control octets, no comment marks.
std::string for_trace(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 255)) {
    const auto octet = static_cast<unsigned char>(c);
    const bool safe =
        octet > 0x20 && octet != 0x7f && c != '(' && c != ')' && c != ';' && c != '\\';
    result += safe ? c : '_';
  }
  return result;
}

FileResult<std::unique_ptr<File>> create_anew(FileSystem& files, const std::string& path) {
  if (auto removed = files.remove(path); !removed && removed.error().code != ENOENT) {
    return tl::unexpected(removed.error());
  }
  return files.create(path, 0600);
}

Outcome write_file(FileSystem& files, const std::string& path,
                   const std::function<FileResult<void>(File&)>& fill) {
  auto file = create_anew(files, path);
  if (!file) return file.error().outcome();
  if (auto filled = fill(**file); !filled) return filled.error().outcome();
  if (auto closed = (*file)->close(); !closed) return closed.error().outcome();
  return Outcome::delivered("wrote " + path);
}

}  // namespace

std::string render_trace(const Envelope& envelope, const InboundSettings& settings) {
  std::string text = fmt::format("Return-Path: <{}>\r\n", for_trace(envelope.sender));
  const std::string client =
      for_trace(envelope.client_name.empty() ? "localhost" : envelope.client_name);
  text += "Received: from " + client;
  if (!envelope.client_address.empty()) text += " ([" + for_trace(envelope.client_address) + "])";
  text += fmt::format("\r\n\tby {} with {}", for_trace(settings.hostname),
                      for_trace(envelope.protocol.empty() ? "LOCAL" : envelope.protocol));
  // As the original: the time in hexadecimal is the id (Q112286); Postfix's queue id where there is
  // one.
  const std::string id = envelope.queue_id.empty() ? fmt::format("{:08X}", envelope.arrival)
                                                   : for_trace(envelope.queue_id);
  text += fmt::format(" id {}; {}\r\n", id, format_mail_date(envelope.arrival, 0));
  return text;
}

Outcome keep_raw_in_chain(const std::string& directory, RawMessage& raw, const Envelope& envelope,
                          const InboundSettings& settings, FileSystem& files) {
  const std::string path = directory + "/SMTP_IN.822";
  auto file = create_anew(files, path);
  if (!file) return file.error().outcome();
  const std::string trace = render_trace(envelope, settings);
  if (auto written = (*file)->write(trace); !written) return written.error().outcome();
  raw.content().keep_in(std::move(*file), trace.size());
  return Outcome::delivered("wrote " + path);
}

Outcome write_chain(const std::string& directory, RawMessage& raw, const Envelope& envelope,
                    ConvertedMessage& converted, const InboundSettings& settings,
                    postoffice::LineEnd line_end, FileSystem& files) {
  const auto in = [&](std::string_view name) { return directory + "/" + std::string(name); };
  Outcome outcome = write_file(files, in("SMTP_IN.ENV"),
                               [&](File& file) { return file.write(render_envelope(envelope)); });
  if (!outcome.is_delivered()) return outcome;
  if (raw.content().is_kept()) {
    if (auto flushed = raw.content().flush(); !flushed) return flushed.error().outcome();
  } else {
    outcome = write_file(files, in("SMTP_IN.822"), [&](File& file) {
      if (auto written = file.write(render_trace(envelope, settings)); !written) return written;
      return raw.content().copy_to(file);
    });
    if (!outcome.is_delivered()) return outcome;
  }
  outcome = write_file(files, in("API_OUT.TMP"), [&](File& file) {
    if (auto written = file.write(converted.rendered_header); !written) return written;
    return converted.text.copy_to(file);
  });
  if (!outcome.is_delivered()) return outcome;
  return write_file(files, in("TO_NC.API"),
                    [&](File& file) { return converted.write_to(raw, file, line_end); });
}

}  // namespace smtpgate::converter
