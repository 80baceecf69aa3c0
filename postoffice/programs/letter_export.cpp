// Exporting dead letters; see the header.
#include "postoffice/programs/letter_export.h"

#include <cerrno>

#include "postoffice/byte_stream.h"
#include "postoffice/programs/letter_listing.h"

namespace smtpgate::postoffice {

namespace {

class LetterFiles {
 public:
  LetterFiles(FileSystem& files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}

  /// A file that appears whole.
  Outcome add(const std::string& name, const std::function<Outcome(File&)>& write) {
    const std::string part = directory_ + "/." + name + ".part";
    auto removed = files_.remove(part);  // of an export that died
    if (!removed && removed.error().code != ENOENT) return removed.error().outcome();
    auto file = files_.create(part, 0600);
    if (!file) return file.error().outcome();
    Outcome written = write(**file);
    if (written.is_delivered()) {
      auto done = (*file)->sync();
      if (done) done = files_.rename(part, directory_ + "/" + name);
      if (!done) written = done.error().outcome();
    }
    if (!written.is_delivered()) (void)files_.remove(part);  // the first error is the one
    return written;
  }

  Outcome add_text(const std::string& name, const std::string& text) {
    return add(name, [&text](File& file) {
      auto written = file.write(text);
      return written ? Outcome::delivered("written") : written.error().outcome();
    });
  }

  Outcome finish() {
    auto synced = files_.sync_directory(directory_);
    return synced ? Outcome::delivered("exported to " + directory_) : synced.error().outcome();
  }

 private:
  FileSystem& files_;
  std::string directory_;
};

}  // namespace

Outcome export_letter(const Postoffice& postoffice, const DeadLetter& letter, std::int64_t now,
                      const std::string& directory) {
  if (letter.reason == LetterReason::mailbox_leaving) {
    return Outcome::permanent(
        "a mailbox is no message; bring it back by redrive, then use `postoffice export`", "5.2.0");
  }
  LetterFiles files(postoffice.files(), directory);
  std::string remark;
  auto content = open_letter(postoffice, letter);
  if (!content && content.error().is_temporary()) return content.error();
  if (!content) remark = "\nNot exported: " + content.error().sentence() + "\n";
  if (content) {
    const bool is_mmff = letter.content == OutgoingContent::mmff;
    const Outcome copied =
        files.add(letter.id + (is_mmff ? ".api" : ".eml"), [&content](File& target) {
          auto status = (*content)->status();
          if (!status) return status.error().outcome();
          auto done = target.append_from(**content, 0, status->size);
          return done ? Outcome::delivered("copied") : done.error().outcome();
        });
    if (!copied.is_delivered()) return copied;
    if (is_mmff) {
      const auto count = write_as_internet_mail(
          postoffice, **content, letter, directory,
          [&](std::uint64_t number, const std::function<Outcome(File&)>& write) {
            return files.add(letter.id + (number > 1 ? "-" + std::to_string(number) : "") + ".eml",
                             write);
          });
      if (!count && count.error().is_temporary()) return count.error();
      if (!count) remark = "\nNot as Internet mail: " + count.error().sentence() + "\n";
    }
  }
  Outcome written =
      files.add_text(letter.id + ".txt", explanation(postoffice, letter, now) + remark);
  if (written.is_delivered()) {
    written = files.add_text(letter.id + ".json", letter_json(postoffice, letter, now));
  }
  return written.is_delivered() ? files.finish() : written;
}

}  // namespace smtpgate::postoffice
