// Extracting; see the header.
//
// Whether a file holds several messages shows only behind the first one, and the source cannot be
// read twice. So the first message goes to the directory itself, and moves into "1" when a second
// one turns up. The name "1" is therefore never given to an attachment.
#include "postoffice/mmff_extract.h"

#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "postoffice/character_set.h"
#include "postoffice/mmff_text.h"
#include "postoffice/safe_file_name.h"
#include "postoffice/short_name.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view text_name = "message.txt";
constexpr std::string_view headers_name = "headers.txt";
constexpr std::string_view first_directory = "1";

Outcome outcome_of(const FileError& error) {
  if (error.code != EEXIST) return error.outcome();
  return Outcome::temporary(error.sentence() + "; extract into an empty directory");
}

/// A new file that is removed again unless finish() is reached.
class OutputFile {
 public:
  static Expected<OutputFile> create(FileSystem& files, std::string path) {
    auto file = files.create(path, 0600);
    if (!file) return failure(outcome_of(file.error()));
    return OutputFile(files, std::move(*file), std::move(path));
  }
  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile() {
    // Best effort: the failure that led here is the one to report.
    if (file_) static_cast<void>(files_->remove(path_));
  }

  Expected<void> write(std::string_view octets) {
    if (auto written = file_->write(octets); !written) return failure(outcome_of(written.error()));
    size_ += octets.size();
    return {};
  }
  Expected<ExtractedFile> finish(const std::function<FileResult<void>(File&)>& last) {
    if (last) {
      if (auto done = last(*file_); !done) return failure(outcome_of(done.error()));
    }
    if (auto closed = file_->close(); !closed) return failure(outcome_of(closed.error()));
    file_.reset();
    return ExtractedFile{path_, size_};
  }

 private:
  OutputFile(FileSystem& files, std::unique_ptr<File> file, std::string path)
      : files_(&files), file_(std::move(file)), path_(std::move(path)) {}

  FileSystem* files_;
  std::unique_ptr<File> file_;
  std::string path_;
  std::uint64_t size_ = 0;
};

class Extraction {
 public:
  Extraction(ByteSource& source, std::string directory, const ExtractOptions& options)
      : reader_(source, options.reader),
        directory_(std::move(directory)),
        character_set_(options.character_set),
        uses_short_names_(options.short_names),
        with_headers_(options.with_headers),
        reserved_(options.reserved),
        finish_file_(options.finish_file),
        files_(*options.files),
        buffer_(stream_buffer_size) {}

  Expected<std::vector<ExtractedFile>> run();

 private:
  Expected<void> make_directory(const std::string& path, bool may_exist);
  Expected<void> move_first_message();
  Expected<void> extract_message(const MessageHeader& header, const std::string& directory);
  Expected<void> extract_text(const MessageHeader& header, const std::string& directory);
  Expected<void> extract_attachment(const std::string& path);
  Expected<void> finish(OutputFile& file);
  template <typename Take>
  Expected<void> for_each_piece(Take take);

  Reader reader_;
  std::string directory_;
  std::string character_set_;
  bool uses_short_names_;
  bool with_headers_;
  std::vector<std::string> reserved_;
  std::function<FileResult<void>(File&)> finish_file_;
  FileSystem& files_;
  std::vector<char> buffer_;
  std::vector<ExtractedFile> extracted_;
};

Expected<void> Extraction::make_directory(const std::string& path, bool may_exist) {
  const auto made = files_.make_directory(path, 0700);
  if (made || (may_exist && made.error().code == EEXIST)) return {};
  return failure(outcome_of(made.error()));
}

Expected<std::vector<ExtractedFile>> Extraction::run() {
  if (auto made = make_directory(directory_, true); !made) return failure(made.error());
  for (std::uint64_t ordinal = 1;; ++ordinal) {
    const auto header = reader_.next();
    if (!header) return failure(header.error().outcome());
    if (!*header) return std::move(extracted_);
    std::string place = directory_;
    if (ordinal > 1) {
      if (ordinal == 2) {
        if (auto moved = move_first_message(); !moved) return failure(moved.error());
      }
      place += "/" + std::to_string(ordinal);
      if (auto made = make_directory(place, false); !made) return failure(made.error());
    }
    if (auto done = extract_message(**header, place); !done) return failure(done.error());
  }
}

Expected<void> Extraction::move_first_message() {
  const std::string place = directory_ + "/" + std::string(first_directory);
  if (auto made = make_directory(place, false); !made) return made;
  for (ExtractedFile& file : extracted_) {
    std::string path = place + file.path.substr(directory_.size());
    if (auto moved = files_.rename(file.path, path); !moved) {
      return failure(outcome_of(moved.error()));
    }
    file.path = std::move(path);
  }
  return {};
}

template <typename Take>
Expected<void> Extraction::for_each_piece(Take take) {
  while (true) {
    const auto count = reader_.read(buffer_);
    if (!count) return failure(count.error().outcome());
    if (*count == 0) return {};
    if (auto taken = take(std::string_view(buffer_.data(), *count)); !taken) return taken;
  }
}

Expected<void> Extraction::finish(OutputFile& file) {
  auto finished = file.finish(finish_file_);
  if (!finished) return failure(finished.error());
  extracted_.push_back(std::move(*finished));
  return {};
}

Expected<void> Extraction::extract_message(const MessageHeader& header,
                                           const std::string& directory) {
  if (auto done = extract_text(header, directory); !done) return done;
  const std::string set = character_set_of(header, character_set_);
  const std::string prefix = directory + "/";
  UniqueNames names;
  ShortNames short_names;
  for (const auto taken : {text_name, headers_name, first_directory}) {
    names.take(std::string(taken));
    short_names.reserve(taken);
  }
  for (const std::string& taken : reserved_) {
    names.take(taken);
    short_names.reserve(taken);
  }
  for (const Attachment& attachment : header.attachments) {
    const auto opened = reader_.next_section();
    if (!opened) return failure(opened.error().outcome());
    const std::string safe = safe_file_name(to_utf8(attachment.name, set), "attachment");
    const std::string name = uses_short_names_ ? short_names.take(safe) : names.take(safe);
    if (auto done = extract_attachment(prefix + name); !done) return done;
  }
  return {};
}

Expected<void> Extraction::extract_text(const MessageHeader& header, const std::string& directory) {
  auto text = OutputFile::create(files_, directory + "/" + std::string(text_name));
  if (!text) return failure(text.error());
  std::optional<OutputFile> headers;
  if (with_headers_ && header.header_lines > 0 && header.text_size > 0) {
    auto created = OutputFile::create(files_, directory + "/" + std::string(headers_name));
    if (!created) return failure(created.error());
    headers.emplace(std::move(*created));
  }
  const std::string set = character_set_of(header, character_set_);
  RenderedHeaderSplitter splitter(header.header_lines, reader_.line_end());
  Utf8Converter text_utf8(set);
  Utf8Converter headers_utf8(set);
  const auto take = [&](std::string_view piece) -> Expected<void> {
    const auto pieces = splitter.split(piece);
    if (headers && !pieces.header.empty()) {
      if (auto done = headers->write(headers_utf8.convert(pieces.header)); !done) return done;
    }
    return text->write(text_utf8.convert(pieces.text));
  };
  if (auto done = for_each_piece(take); !done) return done;
  if (auto done = text->write(text_utf8.finish()); !done) return done;
  if (auto done = finish(*text); !done) return done;
  if (!headers) return {};
  if (auto done = headers->write(headers_utf8.finish()); !done) return done;
  return finish(*headers);
}

Expected<void> Extraction::extract_attachment(const std::string& path) {
  auto file = OutputFile::create(files_, path);
  if (!file) return failure(file.error());
  const auto take = [&file](std::string_view piece) { return file->write(piece); };
  if (auto done = for_each_piece(take); !done) return done;
  return finish(*file);
}

}  // namespace

Expected<std::vector<ExtractedFile>> extract(ByteSource& source, const std::string& directory,
                                             const ExtractOptions& options) {
  return Extraction(source, directory, options).run();
}

}  // namespace smtpgate::postoffice
