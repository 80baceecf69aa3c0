// Exporting a mailbag: see the header.
#include "converter/archive_export.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "converter/archived_message.h"
#include "postoffice/ascii.h"
#include "postoffice/derived_key.h"
#include "postoffice/mmff_reader.h"

namespace smtpgate::converter {

using postoffice::Mailbag;
using postoffice::MailbagEntry;
using postoffice::Postoffice;

namespace {

/// Longer names would not fit with what an archive puts around them.
constexpr std::size_t longest_id = 128;

/// The message's name as an archive has it, in a file name, a header line and a line of the record:
/// its ID, unless that is a file name which its owner gave it.
std::string archive_id(const std::string& id) {
  const bool is_plain = id.size() <= longest_id && std::all_of(id.begin(), id.end(), [](char c) {
                          return is_ascii_alpha(c) || is_ascii_digit(c) || c == '-' || c == '_';
                        });
  return is_plain ? id : postoffice::derived_key("smtpgate-archive-1\n" + id);
}

Expected<std::string> write_message(const Postoffice& postoffice, postoffice::File& file,
                                    const MailbagEntry& entry, const std::string& id,
                                    const AddressMap* map, const SpoolPlace& place,
                                    postoffice::ByteSink& sink) {
  postoffice::FileSource source(file);
  postoffice::Reader reader(source);
  const auto header = reader.next();
  if (!header) return failure(header.error().outcome());
  if (!*header) return failure(Outcome::permanent("the file holds no message"));
  ArchivedMessage message;
  message.id = id;
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
    const std::string id = archive_id(entry.id);
    if (target.has(id)) {
      ++count.were_there;
      continue;
    }
    auto file = mailbag.open_message(entry);
    // Its owner deleted it meanwhile.
    if (!file && !file.error().is_temporary()) continue;
    const Outcome added =
        !file ? file.error()
              : target.add({id, entry.arrival, entry.is_read}, [&](postoffice::ByteSink& sink) {
                  return write_message(postoffice, **file, entry, id, map, place, sink);
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
