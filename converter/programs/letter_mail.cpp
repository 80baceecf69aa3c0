// Dead letters as Internet mail: see postoffice/programs/letter_export.h and docs/dead-letters.md.
#include "converter/archived_message.h"
#include "converter/spool.h"
#include "postoffice/byte_stream.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/programs/letter_export.h"

namespace smtpgate::postoffice {

Expected<std::uint64_t> write_as_internet_mail(
    const Postoffice& postoffice, File& content, const DeadLetter& letter,
    const std::string& work_directory,
    const std::function<Outcome(std::uint64_t number, const std::function<Outcome(File&)>& write)>&
        add_file) {
  const converter::SpoolPlace place{.files = &postoffice.files(), .directory = work_directory};
  OffsetSource source(content);
  Reader reader(source);
  for (std::uint64_t count = 0;; ++count) {
    const auto header = reader.next();
    if (!header) return failure(header.error().outcome());
    if (!*header) return count;
    converter::ArchivedMessage message;
    message.id = letter.id + (count > 0 ? "-" + std::to_string(count + 1) : "");
    message.arrival = letter.since;
    message.zone_minutes = postoffice.local_time(letter.since).zone_minutes;
    message.character_set = postoffice.settings().character_set;
    const Outcome added = add_file(count + 1, [&](File& file) {
      FileSink sink(file);
      const auto sender =
          converter::write_archived_message(reader, **header, message, nullptr, place, sink);
      return sender ? Outcome::delivered("written") : sender.error();
    });
    if (!added.is_delivered()) return failure(added);
  }
}

}  // namespace smtpgate::postoffice
