// What the targets share: see the header.
#include "converter/archive_target.h"

#include <array>
#include <utility>

#include <boost/filesystem.hpp>

#include "converter/archive_directory.h"
#include "converter/archive_mbox.h"

namespace smtpgate::converter {

namespace {

constexpr std::array<std::pair<std::string_view, ArchiveFormat>, 3> formats = {
    {{"maildir", ArchiveFormat::maildir},
     {"mbox", ArchiveFormat::mbox},
     {"eml", ArchiveFormat::eml}}};

constexpr std::size_t large_piece = std::size_t{64} << 10;

}  // namespace

std::optional<ArchiveFormat> parse_archive_format(std::string_view name) {
  for (const auto& [known, format] : formats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

std::string_view name_of(ArchiveFormat format) {
  for (const auto& [name, known] : formats) {
    if (known == format) return name;
  }
  return "unknown";
}

Expected<std::unique_ptr<ArchiveTarget>> ArchiveTarget::open(ArchiveFormat format,
                                                             const std::string& directory,
                                                             const std::string& mailbox,
                                                             postoffice::FileSystem& files) {
  boost::system::error_code error;
  boost::filesystem::create_directories(directory, error);
  if (error) {
    return failure(Outcome::permanent("cannot make " + directory + ": " + error.message() +
                                      "; choose an --out that can be written"));
  }
  if (format == ArchiveFormat::mbox) return open_mbox(directory, mailbox, files);
  return open_archive_directory(format, directory, mailbox, files);
}

postoffice::FileResult<void> LineFeedSink::write(std::string_view data) {
  while (!data.empty()) {
    const std::size_t end = data.find('\n');
    if (end == std::string_view::npos) {
      held_ += data;
      break;
    }
    if (held_.empty()) {
      take_line(data.substr(0, end));
    } else {
      held_ += data.substr(0, end);
      take_line(held_);
      held_.clear();
    }
    data.remove_prefix(end + 1);
  }
  if (out_.size() < large_piece) return {};
  auto written = sink_.write(out_);
  out_.clear();
  return written;
}

void LineFeedSink::take_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (quotes_from_) {
    const std::size_t quotes = std::min(line.find_first_not_of('>'), line.size());
    if (line.substr(quotes).starts_with("From ")) out_ += '>';
  }
  out_ += line;
  out_ += '\n';
}

postoffice::FileResult<void> LineFeedSink::finish() {
  if (!held_.empty()) take_line(held_);
  held_.clear();
  auto written = sink_.write(out_);
  out_.clear();
  return written;
}

}  // namespace smtpgate::converter
