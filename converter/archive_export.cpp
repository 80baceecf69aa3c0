// Exporting a mailbag: see the header.
#include "converter/archive_export.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "converter/archived_message.h"
#include "postoffice/mmff_reader.h"

namespace smtpgate::converter {

using postoffice::Mailbag;
using postoffice::MailbagEntry;
using postoffice::Postoffice;

namespace {

Expected<std::string> write_message(const Postoffice& postoffice, postoffice::File& file,
                                    const MailbagEntry& entry, const AddressMap* map,
                                    const SpoolPlace& place, postoffice::ByteSink& sink) {
  postoffice::FileSource source(file);
  postoffice::Reader reader(source);
  const auto header = reader.next();
  if (!header) return failure(header.error().outcome());
  if (!*header) return failure(Outcome::permanent("the file holds no message"));
  ArchivedMessage message;
  message.id = entry.id;
  message.arrival = entry.arrival;
  message.zone_minutes = postoffice.local_time(entry.arrival).zone_minutes;
  message.character_set = postoffice.settings().character_set;
  return write_archived_message(reader, **header, message, map, place, sink);
}

}  // namespace

Expected<ExportCount> export_mailbag(const Postoffice& postoffice, const Mailbag& mailbag,
                                     ArchiveTarget& target, const AddressMap* map,
                                     const std::string& work, const ExportWatcher& watcher) {
  auto entries = mailbag.list();
  if (!entries) return failure(entries.error());
  std::reverse(entries->begin(), entries->end());
  const SpoolPlace place{.files = &postoffice.files(), .directory = work};
  ExportCount count;
  std::uint64_t done = 0;
  unsigned uncommitted = 0;
  for (const MailbagEntry& entry : *entries) {
    watcher.progress(done++, entries->size());
    if (target.has(entry.id)) {
      ++count.were_there;
      continue;
    }
    auto file = mailbag.open_message(entry);
    // Its owner deleted it meanwhile.
    if (!file && !file.error().is_temporary()) continue;
    const Outcome added =
        !file
            ? file.error()
            : target.add({entry.id, entry.arrival, entry.is_read}, [&](postoffice::ByteSink& sink) {
                return write_message(postoffice, **file, entry, map, place, sink);
              });
    if (!added.is_delivered()) {
      ++count.failed;
      watcher.failed(entry.id, added);
      continue;
    }
    ++count.written;
    if (++uncommitted < archive_batch) continue;
    if (const Outcome committed = target.commit(); !committed.is_delivered()) {
      return failure(committed);
    }
    uncommitted = 0;
  }
  watcher.progress(done, entries->size());
  if (const Outcome committed = target.commit(); !committed.is_delivered()) {
    return failure(committed);
  }
  return count;
}

}  // namespace smtpgate::converter
