// "smtpconv out": see the header. One message is written to the directory itself; when a second one
// turns up, the first moves to "1" and the others get directories with their numbers.
#include "converter/programs/convert_out.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <utility>

#include <boost/filesystem.hpp>
#include <sysexits.h>
#include <unistd.h>

#include "converter/archived_message.h"
#include "converter/mail_date.h"
#include "converter/outbound.h"
#include "converter/programs/smtpconv_support.h"
#include "converter/settings.h"
#include "postoffice/character_set.h"
#include "postoffice/file_system.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"
#include "postoffice/settings_file.h"
#include "postoffice/time_zone.h"
#include "postoffice/unique_id.h"

namespace smtpgate::smtpconv {

using converter::AddressMap;
using postoffice::FileSystem;
using postoffice::MessageHeader;
using postoffice::NativeAddress;
using postoffice::TypedAddress;

namespace {

constexpr std::array<const char*, 2> file_names = {"/SMTP_OUT.822", "/SMTP_OUT.ENV"};

std::string utf8_of(std::string_view text, const MessageHeader& header) {
  return postoffice::to_utf8(text, postoffice::character_set_of(header, "UTF-8"));
}

int zone_minutes_at(std::int64_t seconds) {
  const auto zone = postoffice::TimeZone::open("");
  return zone ? zone->offset_at(seconds) / 60 : 0;
}

class OutCommand {
 public:
  explicit OutCommand(const OutOptions& options) : options_(options) {}

  int run() {
    if (const int code = read_settings(); code != EX_OK) return code;
    boost::system::error_code error;
    boost::filesystem::create_directories(options_.directory, error);
    if (error) {
      return fail(EX_CANTCREAT, "cannot make " + options_.directory + ": " + error.message());
    }
    auto file = FileSystem::posix().open(options_.file);
    if (!file) return fail(EX_NOINPUT, file.error().sentence());
    postoffice::FileSource source(**file);
    postoffice::ReaderOptions reading;
    reading.line_end = options_.line_end;
    postoffice::Reader reader(source, reading);
    int worst = EX_OK;
    for (unsigned ordinal = 1;; ++ordinal) {
      const auto header = reader.next();
      if (!header) {
        std::cerr << "smtpconv: " << header.error().str() << '\n';  // escaped by str()
        return header.error().is_file_error ? EX_TEMPFAIL : EX_DATAERR;
      }
      if (!*header) return worst;
      const int code = convert(reader, **header, ordinal);
      if (code != EX_OK && code != EX_DATAERR) return code;
      if (code != EX_OK) worst = code;
    }
  }

 private:
  int read_settings() {
    if (!options_.configuration.empty()) {
      auto file = postoffice::SettingsFile::read(options_.configuration);
      if (!file) return fail(EX_CONFIG, file.error());
      auto read = converter::read_converter_settings(*file);
      if (const auto errors = file->errors(); !errors.empty()) {
        for (const std::string& one : errors) fail(EX_CONFIG, one);
        return EX_CONFIG;
      }
      map_ = std::move(read.map);
      settings_ = std::move(read.outbound);
      if (settings_.hostname.empty()) settings_.hostname = read.inbound.hostname;
    }
    if (!options_.map.empty()) {
      auto map = AddressMap::read(options_.map);
      if (!map) {
        for (const std::string& one : map.error()) fail(EX_CONFIG, one);
        return EX_CONFIG;
      }
      map_ = std::move(*map);
    }
    if (settings_.hostname.empty()) settings_.hostname = host_name();
    return EX_OK;
  }

  /// Where the message goes.
  Expected<std::string> place_for(unsigned ordinal) const {
    if (ordinal == 1) return options_.directory;
    const auto make = [&](const std::string& path) -> Expected<void> {
      boost::system::error_code error;
      boost::filesystem::create_directory(path, error);
      if (!error) return {};
      return failure(Outcome::temporary("cannot make " + path + ": " + error.message()));
    };
    if (ordinal == 2) {
      const std::string first = options_.directory + "/1";
      if (auto made = make(first); !made) return failure(made.error());
      for (const char* name : file_names) {
        boost::system::error_code error;
        boost::filesystem::rename(options_.directory + name, first + name, error);
        // The first message may have been at fault.
        if (error && error != boost::system::errc::no_such_file_or_directory) {
          return failure(Outcome::temporary("cannot move " + options_.directory + name + ": " +
                                            error.message()));
        }
      }
    }
    std::string place = options_.directory + "/" + std::to_string(ordinal);
    if (auto made = make(place); !made) return failure(made.error());
    return place;
  }

  converter::OutboundRequest request_for(const MessageHeader& header) const {
    converter::OutboundRequest request;
    for (const std::string& one : options_.recipients) {
      request.recipients.push_back(TypedAddress::parse(
          one.find('@') != std::string::npos && one.find(':') == std::string::npos ? "SMTP:" + one
                                                                                   : one));
    }
    if (options_.recipients.empty()) {
      for (const auto* list : {&header.to, &header.cc}) {
        for (TypedAddress one : *list) {
          one.address = utf8_of(one.address, header);
          // A group without members ("undisclosed-recipients:;") is nobody.
          if (one.type == "SMTP" && one.address.ends_with(":;")) continue;
          request.recipients.push_back(std::move(one));
        }
      }
    }
    request.now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    const auto written = converter::parse_mail_date(header.date + " " + header.time + " +0000");
    request.zone_minutes = zone_minutes_at(written ? written->seconds : request.now);
    request.message_id = postoffice::new_unique_id();
    request.envelope_id = request.message_id;
    request.null_sender = options_.null_sender;
    request.allows_nobody = true;
    return request;
  }

  int convert(postoffice::Reader& reader, const MessageHeader& header, unsigned ordinal) const {
    const auto place = place_for(ordinal);
    if (!place) return fail(EX_CANTCREAT, place.error().sentence());
    const bool has_map = !options_.configuration.empty() || !options_.map.empty();
    const AddressMap map = has_map ? map_ : converter::map_for_all_of(header, "UTF-8", nullptr);
    FileSystem& files = FileSystem::posix();
    const std::string content_path = *place + file_names[0];
    for (const char* name : file_names) std::remove((*place + name).c_str());
    auto content = files.create(content_path, 0600);
    if (!content) return fail(EX_CANTCREAT, content.error().sentence());
    postoffice::FileSink sink(**content);
    const converter::OutboundRequest request = request_for(header);
    const auto envelope = converter::convert_outbound(reader, header, request, map, settings_,
                                                      {&files, *place}, sink);
    if (!envelope) {
      std::remove(content_path.c_str());
      return fail(exit_code(envelope.error()), envelope.error().sentence());
    }
    if (auto closed = (*content)->close(); !closed) {
      return fail(EX_IOERR, closed.error().sentence());
    }
    auto file = files.create(*place + file_names[1], 0600);
    if (!file) return fail(EX_CANTCREAT, file.error().sentence());
    if (auto written = (*file)->write(converter::render_outbound_envelope(*envelope)); !written) {
      return fail(EX_IOERR, written.error().sentence());
    }
    if (auto closed = (*file)->close(); !closed) return fail(EX_IOERR, closed.error().sentence());
    int code = EX_OK;
    for (const converter::OutboundRefusal& one : envelope->refused) {
      fail(EX_DATAERR, "left out: " + one.outcome.sentence());
      if (!is_of_another_host(request.recipients[one.index])) code = EX_DATAERR;
    }
    return code;
  }

  /// "SMTP:somebody" in TO or CC, as our way in writes it: somebody of the host that the mail came
  /// from, to whom nothing here could be sent. No fault of the file, unless --rcpt asked for it.
  bool is_of_another_host(const TypedAddress& address) const {
    return options_.recipients.empty() && address.type == "SMTP" &&
           address.address.find('@') == std::string::npos;
  }

  const OutOptions& options_;
  AddressMap map_;
  converter::OutboundSettings settings_;
};

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

int run_out(const OutOptions& options) {
  return OutCommand(options).run();
}

}  // namespace smtpgate::smtpconv
