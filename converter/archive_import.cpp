// Importing: see the header.
#include "converter/archive_import.h"

#include <optional>
#include <unordered_set>
#include <utility>

#include "converter/address_map.h"
#include "postoffice/put.h"

namespace smtpgate::converter {

using postoffice::Delivery;
using postoffice::Mailbag;
using postoffice::MailbagEntry;
using postoffice::Postoffice;

namespace {

class Import {
 public:
  Import(const Postoffice& postoffice, const Mailbag& mailbag, ArchiveSource& source,
         const ImportOptions& options, const ImportWatcher& watcher)
      : postoffice_(postoffice),
        mailbag_(mailbag),
        source_(source),
        options_(options),
        watcher_(watcher),
        place_{.files = &postoffice.files(), .directory = postoffice.path("P1")} {}

  Expected<ImportCount> run() {
    auto entries = mailbag_.list();
    if (!entries) return failure(entries.error());
    for (MailbagEntry& entry : *entries) there_.insert(std::move(entry.id));
    std::uint64_t done = 0;
    for (;;) {
      watcher_.progress(done++, source_.percent());
      RawMessage raw(place_);
      auto file = source_.next(raw);
      if (!file) {
        count_.failed++;
        watcher_.failed("the archive", file.error());
        if (source_.is_over()) return count_;
        continue;
      }
      if (!*file) return count_;
      if (!(*file)->id.empty() && there_.contains((*file)->id)) {
        ++count_.were_there;
        continue;
      }
      const Outcome filed = put(**file, raw);
      if (filed.is_delivered()) continue;
      ++count_.failed;
      watcher_.failed((*file)->name, filed);
    }
  }

 private:
  Outcome put(const ArchivedFile& file, RawMessage& raw) {
    const postoffice::PostofficeSettings& settings = postoffice_.settings();
    Envelope envelope;
    envelope.sender = file.sender;
    envelope.arrival = file.arrival;
    TargetFormat target;
    target.name = settings.name;
    target.character_set = settings.character_set;
    target.line_end = settings.line_end;
    target.short_attachment_names = settings.short_attachment_names;
    target.arrival = postoffice_.local_time(file.arrival);
    auto converted =
        convert_inbound(raw, envelope, AddressMap(), target, options_.settings, place_);
    if (!converted) return converted.error();
    if (there_.contains(converted->content_key)) {
      ++count_.were_there;
      return Outcome::delivered("was there");
    }
    if (options_.dry_run) {
      there_.insert(converted->content_key);
      ++count_.filed;
      return Outcome::delivered("would be filed");
    }
    auto delivery = Delivery::begin(postoffice_);
    if (!delivery) return delivery.error();
    auto written = converted->write_to(raw, delivery->message_file(), target.line_end);
    if (!written) return written.error().outcome();
    if (Outcome sealed = delivery->seal(file.arrival, converted->content_key);
        !sealed.is_delivered()) {
      return sealed;
    }
    Outcome filed = delivery->file_into(mailbag_.mailbox());
    if (!filed.is_delivered()) return filed;
    there_.insert(delivery->id());
    // One that was read and deleted here some days ago is a duplicate, too, and not there.
    if (filed.sentence().starts_with("duplicate of ")) {
      ++count_.were_there;
      return filed;
    }
    ++count_.filed;
    if (!file.is_read) return filed;
    MailbagEntry entry;
    entry.id = delivery->id();
    return mailbag_.mark_read(entry);
  }

  const Postoffice& postoffice_;
  const Mailbag& mailbag_;
  ArchiveSource& source_;
  const ImportOptions& options_;
  const ImportWatcher& watcher_;
  SpoolPlace place_;
  std::unordered_set<std::string> there_;  ///< IDs in the mailbag
  ImportCount count_;
};

}  // namespace

Expected<ImportCount> import_into(const Postoffice& postoffice, const Mailbag& mailbag,
                                  ArchiveSource& source, const ImportOptions& options,
                                  const ImportWatcher& watcher) {
  return Import(postoffice, mailbag, source, options, watcher).run();
}

}  // namespace smtpgate::converter
