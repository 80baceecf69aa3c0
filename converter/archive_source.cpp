// Reading archives: see the header. What a message's header says of its envelope is looked for in
// its first octets only, where delivery agents put it.
#include "converter/archive_source.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>
#include <vector>

#include "converter/address_list.h"
#include "converter/archive_directory.h"
#include "converter/line_cutter.h"
#include "converter/mail_date.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

using postoffice::FileKind;
using postoffice::FileSystem;

namespace {

constexpr std::size_t read_piece = std::size_t{64} << 10;
constexpr std::size_t longest_top = std::size_t{16} << 10;

/// Lines of a header's beginning; folded lines are of no interest here.
void read_top(RawMessage& raw, ArchivedFile& file) {
  std::string top(longest_top, '\0');
  const auto count = raw.content().read_at(0, std::span<char>(top));
  top.resize(count.value_or(0));
  bool has_path = false;
  unsigned number = 0;
  for (std::size_t at = 0; at < top.size(); ++number) {
    const std::size_t end = std::min(top.find("\r\n", at), top.size());
    const std::string_view line = std::string_view(top).substr(at, end - at);
    if (line.empty()) return;
    at = end + 2;
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(std::min(colon + 1, line.size())));
    if (number < 2 && file.id.empty() && equals_ignoring_case(name, "X-Smtpgate-ID")) {
      file.id = value;
    } else if (!has_path && equals_ignoring_case(name, "Return-Path")) {
      has_path = true;
      const auto path = parse_path(value);
      file.sender = path ? path->str() : "";
    } else if (equals_ignoring_case(name, "Status")) {
      file.is_read = file.is_read || value.find('R') != std::string_view::npos;
    }
  }
}

/// Files of one message each.
class MessageFiles : public ArchiveSource {
 public:
  struct One {
    std::string path;
    bool is_read = false;
  };
  MessageFiles(std::vector<One> list, FileSystem& files) : list_(std::move(list)), files_(files) {}

  Expected<std::optional<ArchivedFile>> next(RawMessage& raw) override {
    if (at_ == list_.size()) return std::optional<ArchivedFile>();
    const One& one = list_[at_++];
    auto file = files_.open(one.path);
    if (!file) return failure(file.error().outcome());
    const auto status = (*file)->status();
    if (!status) return failure(status.error().outcome());
    if (status->kind != FileKind::regular) {
      return failure(Outcome::permanent(one.path + " is no regular file; leave it out"));
    }
    std::string buffer(read_piece, '\0');
    for (;;) {
      const auto count = (*file)->read(std::span<char>(buffer));
      if (!count) return failure(count.error().outcome());
      if (*count == 0) break;
      if (auto fed = raw.feed(std::string_view(buffer).substr(0, *count)); !fed) {
        return failure(fed.error().outcome());
      }
    }
    ArchivedFile result;
    result.name = one.path;
    result.arrival = status->modified;
    result.is_read = one.is_read;
    read_top(raw, result);
    if (result.id.empty()) {
      result.id = id_in_archive_name(one.path.substr(one.path.rfind('/') + 1));
    }
    return std::optional(std::move(result));
  }
  bool is_over() const override { return at_ == list_.size(); }
  unsigned percent() const override {
    return list_.empty() ? 100 : static_cast<unsigned>(at_ * 100 / list_.size());
  }

 private:
  std::vector<One> list_;
  FileSystem& files_;
  std::size_t at_ = 0;
};

/// "From bob@example.com Sun Nov 22 08:14:13 2026", and its kin with zones and without seconds: a
/// blank-separated line with a time in it, which prose has seldom.
std::optional<ArchivedFile> read_from_line(std::string_view line) {
  if (!line.starts_with("From ")) return std::nullopt;
  line.remove_prefix(5);
  const std::string_view rest = trim(line);
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const auto date = parse_mail_date(rest.substr(end));
  if (!date || rest.substr(end).find(':') == std::string_view::npos) return std::nullopt;
  ArchivedFile file;
  const std::string_view sender = rest.substr(0, end);
  if (sender != "MAILER-DAEMON" && sender.find('@') != std::string_view::npos) file.sender = sender;
  file.arrival = date->seconds;
  return file;
}

class MboxSource : public ArchiveSource {
 public:
  MboxSource(std::string path, std::unique_ptr<postoffice::File> file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}

  Expected<std::optional<ArchivedFile>> next(RawMessage& raw) override;
  bool is_over() const override { return is_over_; }
  unsigned percent() const override {
    return size_ == 0 ? 100
                      : static_cast<unsigned>(std::min<std::uint64_t>(done_ * 100 / size_, 100));
  }

 private:
  /// Lines cut from what is read ahead, until one begins the next message.
  void take(const CutLine& line, RawMessage& raw);
  void feed(std::string_view octets, RawMessage& raw) {
    if (auto fed = raw.feed(octets); !fed && !trouble_) trouble_ = fed.error().outcome();
  }

  std::string path_;
  std::unique_ptr<postoffice::File> file_;
  std::uint64_t size_;
  std::uint64_t done_ = 0;
  std::string ahead_;         ///< read
  std::size_t ahead_at_ = 0;  ///< up to where it is cut into lines
  LineCutter cutter_;
  std::uint64_t number_ = 0;
  std::optional<ArchivedFile> current_;
  std::optional<ArchivedFile> following_;  ///< its From line was met
  bool after_blank_ = true;
  bool owes_blank_ = false;  ///< an empty line, which may be the separator's
  bool is_over_ = false;
  std::optional<Outcome> trouble_;
};

void MboxSource::take(const CutLine& line, RawMessage& raw) {
  if (after_blank_ && line.is_start && line.is_whole()) {
    if (auto begun = read_from_line(line.octets)) {
      owes_blank_ = false;
      begun->name = path_ + ", message " + std::to_string(++number_);
      (current_ ? following_ : current_) = std::move(begun);
      after_blank_ = false;
      return;
    }
  }
  if (!current_) return;  // before the first message
  if (owes_blank_) feed("\r\n", raw);
  owes_blank_ = false;
  if (line.is_start && line.octets.empty() && !line.end.empty()) {
    owes_blank_ = true;
    after_blank_ = true;
    return;
  }
  std::string_view octets = line.octets;
  const std::size_t quotes = std::min(octets.find_first_not_of('>'), octets.size());
  if (line.is_start && quotes > 0 && octets.substr(quotes).starts_with("From ")) {
    octets.remove_prefix(1);
  }
  feed(octets, raw);
  if (!line.end.empty()) feed("\r\n", raw);
  after_blank_ = false;
}

Expected<std::optional<ArchivedFile>> MboxSource::next(RawMessage& raw) {
  current_ = std::exchange(following_, std::nullopt);
  trouble_.reset();
  while (!is_over_ && !following_) {
    // One line at a time, so that nothing of the next message is taken with this one.
    const std::string_view ahead = std::string_view(ahead_).substr(ahead_at_);
    const std::size_t end = ahead.find('\n');
    const auto take_this = [&](const CutLine& line) { take(line, raw); };
    if (end == std::string_view::npos) {
      std::string buffer(read_piece, '\0');
      const auto count = file_->read(std::span<char>(buffer));
      if (!count) {
        is_over_ = true;
        return failure(count.error().outcome());
      }
      done_ += *count;
      if (*count == 0) {
        cutter_.feed(ahead, take_this);
        cutter_.finish(take_this);
        is_over_ = true;
        break;
      }
      // The cutter holds the beginning of the line.
      cutter_.feed(ahead, take_this);
      ahead_.assign(buffer, 0, *count);
      ahead_at_ = 0;
      continue;
    }
    cutter_.feed(ahead.substr(0, end + 1), take_this);
    ahead_at_ += end + 1;
  }
  if (trouble_) return failure(*trouble_);
  if (!current_) return std::optional<ArchivedFile>();
  read_top(raw, *current_);
  return std::optional(std::move(*current_));
}

Expected<std::vector<MessageFiles::One>> files_in(const std::string& directory, bool are_read,
                                                  ArchiveFormat format, FileSystem& files) {
  auto names = files.list(directory);
  if (!names) return failure(names.error().outcome());
  std::sort(names->begin(), names->end());
  std::vector<MessageFiles::One> result;
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    if (format == ArchiveFormat::eml && !name.ends_with(".eml")) continue;
    const std::size_t flags = name.rfind(":2,");
    const bool is_seen = flags != std::string::npos && name.find('S', flags) != std::string::npos;
    result.push_back({directory + "/" + name, are_read && is_seen});
  }
  return result;
}

}  // namespace

Expected<std::unique_ptr<ArchiveSource>> ArchiveSource::open(ArchiveFormat format,
                                                             const std::string& path,
                                                             FileSystem& files) {
  const auto status = files.status(path);
  if (!status) {
    return failure(Outcome::permanent(status.error().sentence() + "; name what is to be imported"));
  }
  std::vector<MessageFiles::One> list;
  if (format == ArchiveFormat::maildir) {
    for (const char* part : {"/new", "/cur"}) {
      auto found = files_in(path + part, part[1] == 'c', format, files);
      if (!found) {
        return failure(Outcome::permanent(path + " is no Maildir: " + found.error().sentence()));
      }
      list.insert(list.end(), found->begin(), found->end());
    }
    return std::make_unique<MessageFiles>(std::move(list), files);
  }
  if (format == ArchiveFormat::eml) {
    if (status->kind == FileKind::directory) {
      auto found = files_in(path, false, format, files);
      if (!found) return failure(found.error());
      list = std::move(*found);
    } else {
      list.push_back({path, false});
    }
    return std::make_unique<MessageFiles>(std::move(list), files);
  }
  if (status->kind != FileKind::regular) {
    return failure(Outcome::permanent(path + " is no mbox file; a directory may be a Maildir"));
  }
  auto file = files.open(path);
  if (!file) return failure(file.error().outcome());
  return std::make_unique<MboxSource>(path, std::move(*file), status->size);
}

}  // namespace smtpgate::converter
