// Kept chains: see the header. Written under a name with a leading dot, then renamed.
#include "milter/kept_chain.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "converter/content_key.h"
#include "postoffice/ascii.h"

namespace smtpgate::milter {

using converter::Envelope;
using converter::RawMessage;
using postoffice::FileResult;
using postoffice::FileSystem;

namespace {

constexpr std::string_view incomplete_prefix = ".incomplete-";
/// An incomplete directory may be somebody's work in progress for this long (seconds).
constexpr std::int64_t longest_work = 3600;

/// The content key, or, without a conversion, a hash of the same strength over the raw octets.
FileResult<std::string> message_name(const Envelope& envelope, RawMessage& raw,
                                     const converter::ConvertedMessage* converted) {
  if (converted != nullptr) return converted->content_key;
  converter::ContentKey key;
  key.add_sender(envelope.sender);
  auto read = raw.content().for_each_piece(std::size_t{64} << 10, [&](std::string_view piece) {
    key.add_body(piece);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return key.finish() + "-unconverted";
}

/// "net-po": a mailbox-safe name has no slash, so one hyphen cannot hide another directory.
std::string postoffice_part(const postoffice::PostofficeName& name) {
  return ascii_lower(name.network + "-" + name.postoffice);
}

std::string random_suffix() {
  std::array<unsigned char, 8> octets{};
  if (::getentropy(octets.data(), octets.size()) != 0) return std::to_string(::getpid());
  return fmt::format("{:02x}", fmt::join(octets, ""));
}

FileResult<void> write_file(FileSystem& files, const std::string& path, std::string_view content,
                            converter::Spool* rest) {
  auto file = files.create(path, 0600);
  if (!file) return tl::unexpected(file.error());
  if (auto written = (*file)->write(content); !written) return written;
  if (rest != nullptr) {
    if (auto copied = rest->copy_to(**file); !copied) return copied;
  }
  return (*file)->close();
}

Outcome write_raw_files(const std::string& directory, const Configuration& configuration,
                        const Envelope& envelope, RawMessage& raw, FileSystem& files) {
  auto written = write_file(files, directory + "/SMTP_IN.ENV", render_envelope(envelope), nullptr);
  if (written) {
    written = write_file(files, directory + "/SMTP_IN.822",
                         render_trace(envelope, configuration.converter.inbound), &raw.content());
  }
  return written ? Outcome::delivered("kept") : written.error().outcome();
}

void remove_with_files(FileSystem& files, const std::string& directory) {
  if (const auto names = files.list(directory)) {
    for (const std::string& name : *names) {
      [[maybe_unused]] const auto removed = files.remove(directory + "/" + name);
    }
  }
  // What cannot be removed now is removed at the daemon's next start.
  [[maybe_unused]] const auto removed = files.remove_directory(directory);
}

}  // namespace

Outcome keep_chain_files(const Configuration& configuration,
                         const converter::ServedPostoffice& postoffice, const Envelope& envelope,
                         RawMessage& raw, converter::ConvertedMessage* converted,
                         postoffice::LineEnd line_end, FileSystem& files) {
  const auto name = message_name(envelope, raw, converted);
  if (!name) return name.error().outcome();
  const std::string place =
      configuration.chain_directory() + "/" + *name + "-" + postoffice_part(postoffice.name);
  if (files.status(place)) return Outcome::delivered("kept already as " + place);

  const std::string work =
      configuration.chain_directory() + "/" + std::string(incomplete_prefix) + random_suffix();
  if (auto made = files.make_directory(work, 0700); !made) return made.error().outcome();
  Outcome outcome = converted != nullptr
                        ? write_chain(work, raw, envelope, *converted,
                                      configuration.converter.inbound, line_end, files)
                        : write_raw_files(work, configuration, envelope, raw, files);
  if (outcome.is_delivered()) {
    const auto renamed = files.rename(work, place);
    if (renamed) return Outcome::delivered("kept as " + place);
    outcome = renamed.error().outcome();
  }
  remove_with_files(files, work);
  return outcome;
}

std::uint64_t clear_incomplete_chains(const Configuration& configuration, FileSystem& files) {
  std::uint64_t removed = 0;
  const auto names = files.list(configuration.chain_directory());
  if (!names) return 0;
  for (const std::string& name : *names) {
    if (!name.starts_with(incomplete_prefix)) continue;
    const std::string directory = configuration.chain_directory() + "/" + name;
    const auto status = files.status(directory);
    if (!status || status->modified + longest_work > std::time(nullptr)) continue;
    remove_with_files(files, directory);
    ++removed;
  }
  return removed;
}

}  // namespace smtpgate::milter
