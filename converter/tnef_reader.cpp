// TnefReader: see the header.
#include "converter/tnef_reader.h"

#include <utility>

namespace smtpgate::converter {

TnefReader::TnefReader(const SpoolPlace& place, const ContainerLimits& limits, LimitedFiles& files,
                       TnefMessageHandler& messages)
    : messages_(messages),
      embedded_(place),
      reading_{place, limits, files, limits.tnef_properties, &embedded_, &queue_, {}, {}, {}, {}},
      message_(place),
      reader_(reading_, message_) {}

void TnefReader::finish() {
  reader_.finish();
  if (!reader_.is_tnef()) {
    reading_.is_damaged = true;
    return;
  }
  if (!reading_.error) messages_.message(message_);
  while (!queue_.empty() && !reading_.error) {
    const std::vector<EmbeddedTnef> level = std::exchange(queue_, {});
    Spool spool = std::exchange(embedded_, Spool(reading_.place));
    read_level(spool, level);
  }
}

void TnefReader::read_level(Spool& spool, const std::vector<EmbeddedTnef>& level) {
  for (const EmbeddedTnef& one : level) {
    TnefMessage message(reading_.place);
    message.depth = one.depth;
    message.name = one.name;
    TnefMessageReader reader(reading_, message);
    auto read =
        spool.for_each_piece(one.offset, one.size, spool_piece, [&](std::string_view piece) {
          reader.feed(piece);
          return !reading_.error;
        });
    if (!read && !reading_.error) reading_.error = read.error();
    reader.finish();
    if (!reader.is_tnef() && !reading_.error) keep_as_file(spool, one);
    if (reading_.error) return;
    if (!reader.is_tnef()) continue;
    if (message.name.empty()) message.name = message.subject;
    messages_.message(message);
  }
}

// What says that it is a message, and is none.
void TnefReader::keep_as_file(Spool& spool, const EmbeddedTnef& one) {
  reading_.is_damaged = true;
  EmbeddedFile file;
  file.name = one.name;
  reading_.files.begin_file(file);
  auto read = spool.for_each_piece(one.offset, one.size, spool_piece, [&](std::string_view piece) {
    reading_.files.file_octets(piece);
    return true;
  });
  if (!read) reading_.error = read.error();
  reading_.files.end_file({"tnef-damaged"});
}

std::vector<std::string> TnefReader::marks() const {
  std::vector<std::string> marks;
  if (reading_.is_damaged) marks.emplace_back("tnef-damaged");
  if (reading_.is_checksum_wrong) marks.emplace_back("checksum-wrong");
  if (reading_.is_limit_broken || reading_.files.is_limit_broken()) {
    marks.emplace_back("tnef-limit");
  }
  return marks;
}

}  // namespace smtpgate::converter
